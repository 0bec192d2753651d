//! Reading ahead: rows are read and checked on another core while those before them are used.

use std::sync::mpsc::sync_channel;

/// Enough that the hand-over costs nothing beside the rows, few enough that memory does not notice.
const BATCH: usize = 256;
const BATCHES: usize = 4;

/// Gives `work` the same items, made on a thread of their own; an item is made at most some batches before its turn.
pub fn read_ahead<T: Send, R>(
    items: impl Iterator<Item = T> + Send,
    work: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES);
        scope.spawn(move || {
            let mut items = items.fuse();
            loop {
                let batch: Vec<T> = items.by_ref().take(BATCH).collect();
                // Nobody takes a batch any more where the work ended before the items did.
                if batch.is_empty() || sender.send(batch).is_err() {
                    return;
                }
            }
        });
        work(&mut receiver.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once_and_in_order() {
        for count in [0, 1, BATCH, BATCH * BATCHES * 3 + 1] {
            let seen: Vec<usize> = read_ahead(0..count, |items| items.collect());
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn work_may_end_before_the_items_do() {
        assert_eq!(read_ahead(0.., |items| items.nth(3000)), Some(3000));
    }
}
