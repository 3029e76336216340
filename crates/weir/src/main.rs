//! The `weir` command.

use std::alloc::{GlobalAlloc, Layout};
use std::process::ExitCode;

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// A request takes some forty small pieces of memory; this hands them out with half the instructions of the C library's.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// mimalloc, asked without an alignment where it gives that one anyway: a third of what it is asked for would else take its slow
/// way, in which a piece is cut out of a larger one.
struct Allocator;

/// What each of mimalloc's pieces is aligned to: a word.
const GIVEN: usize = size_of::<usize>();

#[expect(unsafe_code, reason = "an allocator cannot be had without; each call is passed on as it came")]
// SAFETY: mimalloc's own functions keep what `GlobalAlloc` promises. Those without an alignment give pieces that are aligned to a
// word, and are called only where no more is asked for; each piece goes back to the one allocator there is.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe {
            match layout.align() <= GIVEN {
                true => mi_malloc(layout.size()),
                false => mi_malloc_aligned(layout.size(), layout.align()),
            }
        }
        .cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe {
            match layout.align() <= GIVEN {
                true => mi_zalloc(layout.size()),
                false => mi_zalloc_aligned(layout.size(), layout.align()),
            }
        }
        .cast()
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, _: Layout) {
        unsafe { mi_free(piece.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe {
            match layout.align() <= GIVEN {
                true => mi_realloc(piece.cast(), size),
                false => mi_realloc_aligned(piece.cast(), size, layout.align()),
            }
        }
        .cast()
    }
}

fn main() -> ExitCode {
    weir::cli::run()
}
