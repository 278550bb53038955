//! Boards of many cards, made of a few words: one as a team has it, one as large as boards get.

use super::{CardSketch, Sketch};

const LABELS: &[(&str, &str, u16)] = &[
    ("bug", "Bug · Ошибка", 5),
    ("design", "Design · Дизайн", 280),
    ("docs", "Docs · Тексты", 210),
    ("speed", "Speed · Скорость", 150),
    ("urgent", "Urgent · Срочно", 35),
];

const SPRINT: [&str; 10] = [
    "Backlog · Задел",
    "Next · Дальше",
    "Design · Дизайн",
    "Ready · Можно брать",
    "Doing · В работе",
    "Review · Смотрим",
    "Testing · Проверяем",
    "Staging · Стенд",
    "Released · Выпущено",
    "Ideas · Идеи",
];

const VERBS: [&str; 8] =
    ["Сделать", "Fix", "Проверить", "Measure", "Описать", "Redesign", "Ускорить", "Move"];
const THINGS: [&str; 11] = [
    "the sign-in page",
    "поиск по доске",
    "keyboard shortcuts",
    "тёмную тему",
    "the export to CSV",
    "уведомления",
    "drag and drop on phones",
    "загрузку файлов",
    "the empty states",
    "перевод на русский",
    "recovery after a lost link",
];

/// 10 lists of 12 cards.
pub(super) fn sprint() -> Sketch {
    let lists = SPRINT.map(String::from).to_vec();
    let cards = cards(lists.len(), 120);
    Sketch { id: "sprint", title: "Sprint 24 · Спринт 24", labels: LABELS, lists, cards }
}

/// 12 lists with 5,000 cards.
pub(super) fn big() -> Sketch {
    let lists: Vec<_> = (1..=12).map(|list| format!("List {list} · Список {list}")).collect();
    let cards = cards(lists.len(), 5_000);
    Sketch { id: "big", title: "5,000 cards · 5000 карточек", labels: LABELS, lists, cards }
}

fn cards(lists: usize, count: usize) -> Vec<CardSketch> {
    (0..count).map(|number| card(number % lists, number)).collect()
}

/// Every card is another one, and the same one each time.
fn card(list: usize, number: usize) -> CardSketch {
    // Knuth's multiplier spreads neighbouring numbers.
    let mut dice = (number as u64 + 1).wrapping_mul(6_364_136_223_846_793_005).rotate_left(23);
    let mut throw = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % sides
    };
    let title = format!("{} {} №{}", VERBS[throw(VERBS.len())], THINGS[throw(THINGS.len())], number + 1);
    let first = throw(LABELS.len());
    let labels = match throw(4) {
        0 => Vec::new(),
        1 => vec![LABELS[first].0, LABELS[(first + 1) % LABELS.len()].0],
        _ => vec![LABELS[first].0],
    };
    let assignees = [vec![], vec!["anya"], vec!["pasha"], vec!["anya", "pasha"]][throw(4)].clone();
    let due_in = (throw(3) == 0).then(|| i64::try_from(throw(40)).unwrap_or_default() - 8);
    let description = match throw(5) {
        0 => format!("What it is about, in short: card number {}.\n\nО чём это, коротко.", number + 1),
        _ => String::new(),
    };
    CardSketch { list, title, description, labels, assignees, due_in }
}
