//! Distributes lines over pages.

/// The height of an unsplittable item and its requirements, in points.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Slot {
    /// Space above, omitted at the top of a page.
    pub before: f32,
    pub height: f32,
    /// Whether the next item must be on the same page.
    pub keep: bool,
    /// The height of the table header, which is repeated at the top of a page.
    pub header: f32,
}

/// The position of a slot: its page, its top, and whether it is the first on its page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SlotPlace {
    pub page: usize,
    pub y: f32,
    pub is_first: bool,
}

/// The usable part of a page; the first page has less.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageBody {
    pub first_top: f32,
    pub top: f32,
    pub bottom: f32,
}

/// Fills pages from top to bottom.
pub(super) fn paginate(slots: &[Slot], body: PageBody) -> Vec<SlotPlace> {
    let mut pages = PageStack { body, page: 0, y: body.first_top, is_top: true, places: Vec::new() };
    let mut rest = slots;
    while !rest.is_empty() {
        let count = rest.iter().position(|slot| !slot.keep).map_or(rest.len(), |last| last + 1);
        let (chunk, after) = rest.split_at(count);
        pages.add(chunk);
        rest = after;
    }
    pages.places
}

struct PageStack {
    body: PageBody,
    page: usize,
    y: f32,
    is_top: bool,
    places: Vec<SlotPlace>,
}

impl PageStack {
    fn add(&mut self, chunk: &[Slot]) {
        if !self.fits(chunk) && !self.is_top && height(chunk, true) <= self.body.bottom - self.body.top {
            self.turn();
        }
        // A chunk taller than a page must be split after all.
        let is_split = !self.fits(chunk);
        for slot in chunk {
            if is_split && !self.is_top && !self.fits(&[*slot]) {
                self.turn();
            }
            self.place(slot);
        }
    }

    fn fits(&self, chunk: &[Slot]) -> bool {
        // Sums of many heights are not exact.
        self.y + height(chunk, self.is_top) <= self.body.bottom + 0.01
    }

    fn turn(&mut self) {
        self.page += 1;
        self.y = self.body.top;
        self.is_top = true;
    }

    fn place(&mut self, slot: &Slot) {
        self.y += if self.is_top { slot.header } else { slot.before };
        self.places.push(SlotPlace { page: self.page, y: self.y, is_first: self.is_top });
        self.y += slot.height;
        self.is_top = false;
    }
}

fn height(chunk: &[Slot], is_top: bool) -> f32 {
    let sum: f32 = chunk.iter().map(|slot| slot.before + slot.height).sum();
    let first = chunk.first().copied().unwrap_or_default();
    if is_top { sum - first.before + first.header } else { sum }
}

/// Keeps the first two and the last two lines of a paragraph together.
pub(super) fn keep_lines(count: usize) -> impl Iterator<Item = bool> {
    (0..count).map(move |line| line + 1 < count && (line == 0 || line + 2 == count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: PageBody = PageBody { first_top: 60.0, top: 0.0, bottom: 100.0 };

    /// The pages of slots of height 10, kept with the next one if their letter is "k".
    fn pages(slots: &str) -> String {
        let slot = |c| Slot { height: 10.0, keep: c == 'k', ..Slot::default() };
        let slots: Vec<Slot> = slots.chars().map(slot).collect();
        paginate(&slots, BODY).iter().map(|place| place.page.to_string()).collect()
    }

    #[test]
    fn items_kept_together_move_together() {
        for (slots, want) in [
            ("", ""),
            ("....", "0000"),
            (".....", "00001"),
            ("...k.", "00011"),
            ("..kk.", "00111"),
            // A chunk that fits on no page is split as late as possible.
            ("kkkkkkkkkkkkkkkkkkkk.", "000011111111112222222"),
            (".kkkkkkkk.", "0111111111"),
        ] {
            assert_eq!(pages(slots), want, "{slots}");
        }
    }

    #[test]
    fn no_line_of_a_paragraph_is_left_alone() {
        let kept = |count| keep_lines(count).map(|keep| if keep { 'k' } else { '.' }).collect::<String>();
        for (count, want) in [(0, ""), (1, "."), (2, "k."), (3, "kk."), (4, "k.k."), (6, "k...k.")] {
            assert_eq!(kept(count), want);
        }
        assert_eq!(pages(&format!("..{}", kept(4))), "000011");
        assert_eq!(pages(&format!("...{}", kept(4))), "0001111");
        assert_eq!(pages(&format!(".{}", kept(4))), "00011");
    }

    #[test]
    fn space_is_omitted_and_a_header_repeated_at_the_top() {
        let slot = Slot { before: 5.0, height: 20.0, keep: false, header: 8.0 };
        let places = paginate(&[slot; 3], BODY);
        assert_eq!(places.iter().map(|place| place.y).collect::<Vec<_>>(), [68.0, 8.0, 33.0]);
        assert_eq!(places.iter().map(|place| place.is_first).collect::<Vec<_>>(), [true, true, false]);
    }
}
