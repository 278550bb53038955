//! The first board that a visitor sees: a release of a small product, in two languages.

use super::{CardSketch, Sketch};

const LABELS: &[(&str, &str, u16)] = &[
    ("bug", "Bug · Ошибка", 5),
    ("feature", "Feature · Новое", 150),
    ("design", "Design · Дизайн", 280),
    ("docs", "Docs · Тексты", 210),
    ("urgent", "Urgent · Срочно", 35),
];

const LISTS: [&str; 5] =
    ["Идеи · Ideas", "К работе · To do", "Делаем · Doing", "Смотрим · Review", "Готово · Done"];

/// A card: its list, title, description, labels, assignees, and due in so many days.
type Line =
    (usize, &'static str, &'static str, &'static [&'static str], &'static [&'static str], Option<i64>);

const CARDS: &[Line] = &[
    (
        0,
        "Откройте эту доску во втором окне и передвиньте карточку",
        "Изменения приходят сразу, без перезагрузки.\n\nOpen this board in a second window and move a card: it moves there, too.",
        &["feature"],
        &[],
        None,
    ),
    (
        0,
        "Time travel: show the board as it was on any day",
        "Every change is an event in the board's log, so it is all there already.",
        &["feature"],
        &["pasha"],
        None,
    ),
    (0, "Тёмная тема по расписанию", "", &["design"], &[], None),
    (
        0,
        "Import from other boards",
        "Lists, cards, labels and due dates at first.",
        &["feature"],
        &["anya"],
        Some(30),
    ),
    (0, "Стикеры с котами 🐈", "Хотя бы три. Лучше пять.", &["design"], &[], None),
    (
        1,
        "Написать письмо о выпуске",
        "По-русски и по-английски, не длиннее экрана телефона.",
        &["docs"],
        &["anya"],
        Some(5),
    ),
    (
        1,
        "Keyboard: move a card with Space and arrows",
        "Lift with Space, move with the arrows, drop with Space, put it back with Escape.",
        &["feature"],
        &["pasha"],
        Some(7),
    ),
    (
        1,
        "Проверить контраст всех меток",
        "Нужно не меньше 4,5:1 в обеих темах.",
        &["design"],
        &["anya"],
        Some(3),
    ),
    (
        1,
        "Try the board on a train",
        "Turn the network off, move some cards, write a description, reload the page, turn it on again.",
        &["bug"],
        &["anya", "pasha"],
        Some(2),
    ),
    (1, "Обновить снимки экрана в README", "", &["docs"], &[], Some(9)),
    (1, "Answer the questions from the beta", "Twelve are left.", &["urgent"], &["pasha"], Some(0)),
    (
        2,
        "Списки на 5 000 карточек",
        "Доска «5,000 cards» — для проверки: она должна открываться за секунду.",
        &["feature"],
        &["pasha"],
        Some(1),
    ),
    (
        2,
        "A card that was deleted while somebody edits it",
        "The text must not be lost: it stays in the dialog, with a button to restore the card.",
        &["bug", "urgent"],
        &["anya"],
        Some(0),
    ),
    (
        2,
        "Аватары тех, кто смотрит на доску",
        "Не больше трёх, остальные — числом.",
        &["design", "feature"],
        &["anya"],
        Some(4),
    ),
    (
        2,
        "Measure first paint on a slow phone",
        "Four times slower processor, a 3G link.",
        &["docs"],
        &["pasha"],
        None,
    ),
    (
        3,
        "Тексты ошибок человеческим языком",
        "Что случилось, что сделать, где посмотреть.",
        &["docs"],
        &["anya"],
        Some(1),
    ),
    (
        3,
        "Due dates in the reader's own calendar",
        "Today, tomorrow, and then the day and the month.",
        &["feature"],
        &["pasha"],
        Some(-1),
    ),
    (3, "Иконка для установки на телефон", "", &["design"], &["anya"], Some(2)),
    (
        3,
        "Right-to-left titles: שלום, مرحبا",
        "They must not turn the rest of the card around.",
        &["bug"],
        &["pasha"],
        None,
    ),
    (4, "Вход одним нажатием для демонстрации", "", &["feature"], &["anya"], Some(-6)),
    (
        4,
        "<b>Markup</b> is shown as it was typed",
        "Titles and descriptions are text, so <script>alert(1)</script> is only text, too.",
        &["bug"],
        &["pasha"],
        Some(-4),
    ),
    (
        4,
        "Карточки не теряются при kill -9",
        "Сохранено и разослано в одной транзакции.",
        &["feature", "urgent"],
        &["anya", "pasha"],
        Some(-3),
    ),
    (
        4,
        "Order: two people insert after the same card",
        "The later one is nearer to it, on every screen.",
        &["feature"],
        &["pasha"],
        Some(-8),
    ),
    (4, "Русский и английский интерфейс", "", &["docs"], &["anya"], Some(-2)),
    (4, "One binary, nothing else to install", "", &["feature"], &["pasha"], Some(-10)),
];

/// 25 cards in five lists.
pub(super) fn board() -> Sketch {
    let card = |(list, title, description, labels, assignees, due_in): &Line| CardSketch {
        list: *list,
        title: (*title).into(),
        description: (*description).into(),
        labels: labels.to_vec(),
        assignees: assignees.to_vec(),
        due_in: *due_in,
    };
    Sketch {
        id: "welcome",
        title: "Добро пожаловать · Welcome",
        labels: LABELS,
        lists: LISTS.map(String::from).to_vec(),
        cards: CARDS.iter().map(card).collect(),
    }
}
