//! The rules of friendship, case by case and at random.

use proptest::{prelude::*, sample::select};

use super::{Side::*, *};

/// Plays acts one after the other, a second apart; the pair, and what each side was told.
fn play(acts: &[(Side, Act)]) -> (Pair, [Vec<News>; 2]) {
    let (mut pair, mut told) = (Pair::default(), [Vec::new(), Vec::new()]);
    for (at, (side, act)) in acts.iter().enumerate() {
        let Ok(verdict) = decide(pair, *side, *act, 1_000 * at as u64) else { continue };
        pair = verdict.pair;
        for (to, news) in verdict.told {
            told[usize::from(to == High)].push(news);
        }
    }
    (pair, told)
}

/// Red where a crossing ask was refused, where a refusal was told, where a block let an ask through, and where
/// who blocks could accept.
#[test]
fn what_each_sees_and_hears() {
    use Act::{Accept, Ask, Block, Refuse, Remove, Unblock, Withdraw};
    use News::{Accepted, Asked, Blocked, Removed, Unblocked};
    use Relation::{AskedByMe, AskedOfMe, Blocked as IsBlocked, Friend, None as Nothing};
    let check = |acts: &[(Side, Act)], seen: [Relation; 2], low: &[News], high: &[News]| {
        let (pair, told) = play(acts);
        assert_eq!([pair.seen_by(Low), pair.seen_by(High)], seen, "{acts:?}");
        assert_eq!([&*told[0], &*told[1]], [low, high], "{acts:?}");
    };
    let asked = Asked(Low);
    check(&[(Low, Ask)], [AskedByMe, AskedOfMe], &[asked], &[asked]);
    check(&[(Low, Ask), (Low, Ask)], [AskedByMe, AskedOfMe], &[asked], &[asked]);
    check(&[(Low, Ask), (High, Accept)], [Friend, Friend], &[asked, Accepted], &[asked, Accepted]);
    check(&[(Low, Ask), (High, Ask)], [Friend, Friend], &[asked, Accepted], &[asked, Accepted]);
    check(&[(Low, Accept)], [Nothing, Nothing], &[], &[]);
    check(&[(Low, Ask), (Low, Accept)], [AskedByMe, AskedOfMe], &[asked], &[asked]);
    check(&[(Low, Ask), (Low, Withdraw)], [Nothing, Nothing], &[asked, Removed], &[asked, Removed]);
    check(&[(Low, Ask), (High, Refuse)], [AskedByMe, Nothing], &[asked], &[asked, Removed]);
    let again = [(Low, Ask), (High, Refuse), (Low, Withdraw), (Low, Ask)];
    check(&again, [AskedByMe, Nothing], &[asked, Removed, asked], &[asked, Removed]);
    let regret = [(Low, Ask), (High, Refuse), (High, Ask)];
    check(&regret, [Friend, Friend], &[asked, Accepted], &[asked, Removed, Accepted]);
    let parted = [(Low, Ask), (High, Ask), (High, Remove)];
    check(&parted, [Nothing, Nothing], &[asked, Accepted, Removed], &[asked, Accepted, Removed]);
    check(&[(High, Block), (Low, Ask)], [AskedByMe, IsBlocked], &[asked], &[Blocked]);
    let shown = [(High, Block), (Low, Ask), (High, Unblock)];
    check(&shown, [AskedByMe, AskedOfMe], &[asked], &[Blocked, Unblocked, asked]);
    let blocked = [(Low, Ask), (High, Ask), (High, Block), (Low, Ask)];
    let heard = [asked, Accepted, Removed, asked];
    check(&blocked, [AskedByMe, IsBlocked], &heard, &[asked, Accepted, Removed, Blocked]);
    let held = [(Low, Ask), (High, Block), (High, Accept)];
    check(&held, [AskedByMe, IsBlocked], &[asked], &[asked, Blocked]);
    check(&[(Low, Block), (Low, Ask)], [IsBlocked, Nothing], &[Blocked], &[]);
    check(&[(Low, Block), (High, Block)], [IsBlocked, IsBlocked], &[Blocked], &[Blocked]);
}

/// Red where a refusal counted for ever.
#[test]
fn a_refusal_is_forgotten_in_time() {
    let refused = decide(play(&[(Low, Act::Ask)]).0, High, Act::Refuse, 5).expect("it was asked").pair;
    let withdrawn = decide(refused, Low, Act::Withdraw, 6).expect("it is there").pair;
    assert!(!withdrawn.is_empty(5 + DEAF_MS - 1) && withdrawn.is_empty(5 + DEAF_MS));
    let asked = decide(withdrawn, Low, Act::Ask, 5 + DEAF_MS).expect("one may ask");
    assert_eq!(asked.told, [(Low, News::Asked(Low)), (High, News::Asked(Low))]);
}

fn act() -> impl Strategy<Value = Act> {
    use Act::{Accept, Ask, Block, Refuse, Remove, Unblock, Withdraw};
    select(vec![Ask, Accept, Refuse, Withdraw, Remove, Block, Unblock])
}

proptest! {
    /// Red where a block left a friendship.
    #[test]
    fn who_blocks_is_bound_by_nothing_of_their_own(
        acts in prop::collection::vec((select(vec![Low, High]), act()), 0..30)
    ) {
        let (pair, _) = play(&acts);
        for side in [Low, High] {
            if pair.ear(side).blocks {
                prop_assert_ne!(pair.bond, Bond::Friends);
                prop_assert_ne!(pair.bond, Bond::Asked(side));
            }
        }
    }

    /// Whoever asks learns nothing from asking: refused, blocked or simply not answered look the same. Red
    /// where a refusal ended the ask, and where unblocking told the other one.
    #[test]
    fn silence_looks_the_same_for_every_reason(
        acts in prop::collection::vec(
            prop_oneof![
                select(vec![Act::Ask, Act::Withdraw]).prop_map(|act| (Low, act)),
                select(vec![Act::Refuse, Act::Block, Act::Unblock]).prop_map(|act| (High, act)),
            ],
            0..30,
        )
    ) {
        let unanswered: Vec<_> = acts.iter().copied().filter(|(side, _)| *side == Low).collect();
        let (silent, [heard, _]) = play(&unanswered);
        let (pair, [told, _]) = play(&acts);
        prop_assert_eq!(pair.seen_by(Low), silent.seen_by(Low));
        prop_assert_eq!(told, heard);
    }
}
