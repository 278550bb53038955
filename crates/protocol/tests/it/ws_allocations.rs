//! What a connection costs: nothing on the heap between messages, and nothing to allocate for a message
//! that arrives in one read. Measured by an allocator that counts for each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use veche_protocol::ws::{Config, Decoder, Deflater, Input, Opcode, Role, Scratch};

use crate::ws_driver::{cut, key_for, raw_frame};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator with the counts of the calling thread beside it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(allocations: usize, bytes: isize) {
    ALLOCATIONS.with(|count| count.set(count.get() + allocations));
    LIVE.with(|live| live.set(live.get() + bytes));
}

#[expect(
    unsafe_code,
    reason = "an allocator cannot be written without it; each call is handed on as it came"
)]
// SAFETY: every method forwards its arguments unchanged to `System`, and touches only thread-local
// counters that neither allocate nor have a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(1, new_size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// How many allocations `work` makes, and how many bytes more are held after it.
pub(crate) fn measured(work: impl FnOnce()) -> (usize, isize) {
    let before = (ALLOCATIONS.get(), LIVE.get());
    work();
    (ALLOCATIONS.get() - before.0, LIVE.get() - before.1)
}

fn drain(decoder: &mut Decoder, read: &mut [u8], scratch: &mut Scratch) -> usize {
    let mut input = Input::new(read);
    let mut events = 0;
    while decoder.next(&mut input, scratch).expect("no fault").is_some() {
        events += 1;
    }
    events
}

#[test]
fn a_decoder_takes_32_bytes() {
    assert!(size_of::<Decoder>() <= 32, "{} bytes", size_of::<Decoder>());
}

#[test]
fn messages_that_arrive_whole_allocate_nothing() {
    let key = key_for(Role::Server);
    let mut read = [
        raw_frame(0x81, key, &[b't'; 100]),
        raw_frame(0x82, key, &[7; 4000]),
        raw_frame(0x89, key, b"ping"),
        raw_frame(0x81, key, "текст".as_bytes()),
    ]
    .concat();
    let mut scratch = Scratch::default();
    let mut events = 0;
    let measures = measured(|| {
        let mut decoder = Decoder::new(Config::new(Role::Server, 64 * 1024));
        events = drain(&mut decoder, &mut read, &mut scratch);
        assert_eq!(decoder.held(), 0);
    });
    assert_eq!(events, 4);
    assert_eq!(measures, (0, 0));
}

#[test]
fn a_second_compressed_message_allocates_nothing() {
    let text = "deflate me ".repeat(500);
    let (mut deflater, mut out) = (Deflater::new(), Vec::with_capacity(64 * 1024));
    deflater.frame(&mut out, Opcode::Text, text.as_bytes());
    assert_eq!(out[0], 0xc1);
    let (mut scratch, mut read) = (Scratch::default(), out.clone());
    let mut decoder = Decoder::new(Config::new(Role::Client, 64 * 1024).with_deflate(true));
    assert_eq!(drain(&mut decoder, &mut read, &mut scratch), 1);
    let (allocations, held) = measured(|| {
        out.clear();
        deflater.frame(&mut out, Opcode::Text, text.as_bytes());
        drain(&mut decoder, &mut out, &mut scratch);
    });
    assert_eq!((allocations, held), (0, 0));
}

#[test]
fn an_idle_decoder_holds_no_heap_whatever_it_has_been_through() {
    let key = key_for(Role::Server);
    let session = [
        raw_frame(0x01, key, &[b'a'; 3000]),
        raw_frame(0x89, key, &[b'p'; 125]),
        raw_frame(0x00, key, &vec![b'b'; 70_000]),
        raw_frame(0x80, key, b"end"),
        raw_frame(0x82, key, &[1; 300]),
    ]
    .concat();
    for size in [1, 7, 1000, session.len()] {
        let reads: Vec<Vec<u8>> = cut(&session, &[size]).into_iter().map(<[u8]>::to_vec).collect();
        let mut decoder = Decoder::new(Config::new(Role::Server, 1 << 20));
        let (_, held) = measured(|| {
            let mut scratch = Scratch::default();
            for mut read in reads.clone() {
                drain(&mut decoder, &mut read, &mut scratch);
            }
            drain(&mut decoder, &mut [], &mut scratch);
            assert_eq!(scratch.held(), 0, "reads of {size}");
        });
        assert_eq!((decoder.held(), held), (0, 0), "reads of {size}");
    }
}

#[test]
fn a_declared_length_reserves_nothing() {
    let mut decoder = Decoder::new(Config::new(Role::Client, usize::MAX >> 1));
    let mut scratch = Scratch::default();
    let mut header = vec![0x82, 127, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let (_, held) = measured(|| {
        drain(&mut decoder, &mut header, &mut scratch);
    });
    assert!(held < 512, "{held} bytes for a header");
    for arrived in 1..=100 {
        drain(&mut decoder, &mut [0; 1000], &mut scratch);
        let bound = 2 * 1000 * arrived + 2048;
        assert!(decoder.held() <= bound, "{} bytes held of {arrived} kB", decoder.held());
    }
}

#[test]
fn a_fault_frees_what_was_held() {
    let mut decoder = Decoder::new(Config::new(Role::Client, 1 << 20));
    let mut scratch = Scratch::default();
    drain(&mut decoder, &mut raw_frame(0x01, None, &vec![b'a'; 50_000]), &mut scratch);
    assert!(decoder.held() >= 50_000);
    let mut bad = raw_frame(0x01, None, b"");
    assert!(decoder.next(&mut Input::new(&mut bad), &mut scratch).is_err());
    assert!(decoder.is_closed());
    assert_eq!(decoder.held(), 0);
}
