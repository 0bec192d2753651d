//! The layout for a screen of any size.

use ratatui::layout::Rect;

/// Narrower screens show either the list or the letter.
const TWO_PANES_FROM: u16 = 70;
/// The lines above a letter: its recipient and its views.
const HEAD: u16 = 2;

/// The areas of the screen; those without room are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Screen {
    /// The list's title and its filter.
    pub list_head: Rect,
    pub list: Rect,
    /// The line between list and letter.
    pub border: Rect,
    pub letter_head: Rect,
    pub letter: Rect,
    pub status: Rect,
}

impl Screen {
    /// Divides a screen into its areas.
    pub fn of(area: Rect, is_on_list: bool, status_height: u16, has_filter: bool) -> Self {
        let (panes, status) = cut_bottom(area, status_height);
        let (list, border, letter) = if area.width >= TWO_PANES_FROM {
            let (list, rest) = cut_left(panes, (panes.width / 3).clamp(24, 44));
            let (border, letter) = cut_left(rest, 2);
            (list, border, letter)
        } else if is_on_list {
            (panes, Rect::default(), Rect::default())
        } else {
            (Rect::default(), Rect::default(), panes)
        };
        let (list_head, list) = cut_top(list, if has_filter { 2 } else { 1 });
        let (letter_head, letter) = cut_top(letter, HEAD);
        Self { list_head, list, border, letter_head, letter, status }
    }

    /// How many recipients are visible at once.
    pub fn list_height(&self) -> usize {
        usize::from(self.list.height)
    }

    /// How many lines of a letter are visible at once.
    pub fn letter_height(&self) -> usize {
        usize::from(self.letter.height)
    }

    /// The columns of a letter.
    pub fn letter_width(&self) -> u16 {
        self.letter.width
    }
}

fn cut_bottom(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let rest = area.height - height;
    (Rect { height: rest, ..area }, Rect { y: area.y + rest, height, ..area })
}

fn cut_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn cut_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_area_exceeds_the_screen() {
        for (width, height) in [(0, 0), (1, 1), (40, 2), (69, 20), (70, 3), (80, 24), (200, 60)] {
            let area = Rect::new(0, 0, width, height);
            for bits in 0..16 {
                let screen = Screen::of(area, bits & 1 > 0, bits / 4, bits & 2 > 0);
                let Screen { list_head, list, border, letter_head, letter, status } = screen;
                let parts = [list_head, list, border, letter_head, letter, status];
                let sum: u32 = parts.iter().map(|part| part.area()).sum();
                assert!(parts.iter().all(|part| area.union(*part) == area), "{screen:?}");
                assert_eq!(sum, area.area(), "{screen:?}");
            }
        }
    }
}
