//! The window of the envelope, and the address inside it.

use std::rc::Rc;

use crate::domain::WindowSide;

use super::flow::plain_text;
use super::lines::{Setting, TextLine, break_lines};
use super::shape::Shaper;

/// A millimetre in points.
pub(super) const MM: f32 = 72.0 / 25.4;
/// DIN 5008: the top 17.7 mm of the window are for the return line.
const RETURN_ZONE: f32 = 17.7;
/// The distance of the address from the left and right edge of the window.
const PADDING: f32 = 5.0;
const LARGEST: f32 = 11.0;
const SMALLEST: f32 = 2.0;

/// The window of the envelope: its distance from the page's top and left edge and its size, in mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnvelopeWindow {
    pub side: WindowSide,
    pub top: f32,
    pub left: f32,
    pub width: f32,
    pub height: f32,
}

impl EnvelopeWindow {
    /// The usual window (left: DIN 5008 form B), moved right and down by the given number of mm.
    pub fn new(side: WindowSide, right: f32, down: f32) -> Self {
        let left = match side {
            WindowSide::Left => 20.0,
            WindowSide::Right => 105.0,
        };
        Self { side, top: 45.0 + down, left: left + right, width: 85.0, height: 45.0 }
    }

    /// Tells whether the window is on an A4 page and has room for an address.
    pub(super) fn is_valid(&self) -> bool {
        let Self { top, left, width, height, .. } = *self;
        [top, left, width, height].iter().all(|value| value.is_finite())
            && top >= 0.0
            && left >= 0.0
            && width >= 30.0
            && height >= 15.0
            && left + width <= 210.0
            && top + height <= 200.0
    }

    /// The area for the return line, in points: its left end, its bottom and its width.
    pub(super) fn return_line(&self) -> (f32, f32, f32) {
        (self.inner_left(), (self.top + self.zone()) * MM - 4.0, self.inner_width())
    }

    /// The area for the address, in points.
    pub(super) fn address_box(&self) -> Area {
        let zone = self.zone();
        Area {
            x: self.inner_left(),
            y: (self.top + zone) * MM,
            width: self.inner_width(),
            height: (self.height - zone - 1.0) * MM,
        }
    }

    fn zone(&self) -> f32 {
        if self.height >= 40.0 { RETURN_ZONE } else { 6.0 }
    }

    fn inner_left(&self) -> f32 {
        (self.left + PADDING) * MM
    }

    fn inner_width(&self) -> f32 {
        (self.width - 2.0 * PADDING) * MM
    }
}

/// A rectangle in points, from the page's top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// The lines of an address in the largest size that fits into the area.
pub(super) fn fitted_address(
    address: &[String],
    language: &str,
    area: Area,
    shaper: &mut Shaper,
) -> Vec<TextLine> {
    let mut size = LARGEST;
    loop {
        let setting = Setting { size, language: Rc::from(language), bold: false };
        let broken = address
            .iter()
            .flat_map(|line| break_lines(&plain_text(line), &setting, area.width, shaper, &|_, _| None));
        let lines: Vec<TextLine> = broken.collect();
        let height: f32 = lines.iter().map(|line| line.height).sum();
        if height <= area.height || size <= SMALLEST {
            return lines;
        }
        size -= 0.5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_where_din_5008_puts_it() {
        let area = EnvelopeWindow::new(WindowSide::Left, 0.0, 0.0).address_box();
        let mm = |points: f32| format!("{:.1}", points / MM);
        let sizes = [area.x, area.y, area.width, area.height].map(mm);
        assert_eq!(sizes, ["25.0", "62.7", "75.0", "26.3"]);
        let moved = EnvelopeWindow::new(WindowSide::Right, -2.0, 3.0);
        assert_eq!(mm(moved.left * MM) + &mm(moved.top * MM), "103.048.0");
        assert!(moved.is_valid() && !EnvelopeWindow::new(WindowSide::Right, 30.0, 0.0).is_valid());
        assert!(!EnvelopeWindow::new(WindowSide::Left, f32::NAN, 0.0).is_valid());
    }

    #[test]
    fn long_addresses_become_smaller_and_stay_complete() {
        let area = EnvelopeWindow::new(WindowSide::Left, 0.0, 0.0).address_box();
        let long =
            "Bygdegårdsföreningen för Exempelby, Granbacken och Lillkvarn med omnejd utan personlig adress";
        for address in [vec!["Exempelgatan 1".to_owned(); 3], vec![long.to_owned(); 6], vec!["x".repeat(900)]]
        {
            let lines = fitted_address(&address, "sv", area, &mut Shaper::default());
            assert!(lines.iter().map(|line| line.height).sum::<f32>() <= area.height);
            assert!(lines.iter().all(|line| line.width <= area.width));
        }
    }
}
