//! The conformance suite that every database must pass.
//!
//! Each case gets a store of its own over a manual clock. Several cases queue writes behind one that is
//! held, so that which writes share a commit is decided by the test and not by chance.

mod acks;
mod appends;
mod desk;
mod face;
mod history;
mod once;
mod positions;
mod retention;
mod transactions;

use desk::Desk;
use veche_kernel::Clock;

use crate::Store;

/// Runs every case against stores that `factory` opens, each empty, with the clock that it is given. Panics
/// where a store is wrong. Needs a multi-thread runtime.
pub async fn store_suite<F: AsyncFn(Clock) -> Store>(factory: F) {
    macro_rules! run {
        ($($module:ident: $($case:ident)*;)*) => {
            $($(
                let desk = Desk::new(&factory).await;
                $module::$case(&desk).await;
                desk.store.close().await;
            )*)*
        };
    }
    run! {
        face: values_come_back_as_they_went null_is_refused_unless_it_is_expected
            parameters_must_all_be_given a_query_of_one_row_has_one_row text_keys_sort_by_bytes
            a_failed_statement_fails_the_write kinds_of_errors_are_told_apart a_read_cannot_write
            migrations_run_once_and_in_order a_newer_database_is_refused a_changed_migration_is_refused;
        transactions: a_failed_write_leaves_nothing writes_of_a_group_are_isolated
            a_panic_undoes_only_its_write a_slow_write_fails_alone a_slow_read_ends a_slow_statement_is_interrupted a_dropped_caller_loses_nothing
            a_deferred_conflict_fails_alone nothing_is_delivered_before_its_commit deliveries_follow_the_order_of_commits a_listener_that_panics_stops_nobody
            a_read_is_one_snapshot an_abandoned_read_frees_its_connection a_closed_store_refuses;
        positions: offsets_count_from_one_without_a_hole channels_count_for_themselves
            a_rollback_leaves_no_hole concurrent_writers_meet_in_one_order
            a_position_is_known_inside_the_transaction channels_are_locked_in_the_order_of_their_names
            an_epoch_stays state_and_head_are_of_one_moment a_publication_comes_back_as_it_was_published;
        appends: neighbours_of_many_channels_keep_their_order
            a_doubled_operation_among_neighbours_counts_once operations_of_neighbours_are_remembered
            writes_between_neighbours_keep_their_turn;
        once: an_operation_counts_once_within_its_window an_operation_belongs_to_its_user_and_channel
            a_window_of_zero_remembers_nothing a_duplicate_takes_no_position
            a_reply_is_kept_with_its_write a_failed_call_is_not_remembered a_reply_is_forgotten_after_a_week;
        acks: an_acknowledgement_never_goes_back a_new_device_stands_at_the_head_from_then_on
            what_was_never_published_is_not_acknowledged a_device_is_remembered_for_30_days_after_it_was_seen;
        history: history_is_read_in_both_directions a_page_is_bounded_by_bytes
            an_unused_channel_has_an_empty_history;
        retention: count_raises_the_floor age_raises_the_floor bytes_raise_the_floor
            a_sweep_goes_in_steps what_is_not_declared_is_kept what_is_remembered_expires;
    }
}
