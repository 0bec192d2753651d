//! Draws laid-out items on pages, and tags them.

use std::collections::BTreeMap;

use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Quadrilateral, Rect, Size, Transform};
use krilla::num::NormalizedF32;
use krilla::page::Page;
use krilla::paint::{Fill, FillRule};
use krilla::surface::{Location, Surface};
use krilla::tagging::{Artifact, ArtifactType, ContentTag, SpanTag};
use krilla::text::{Glyph, GlyphId};

use super::blocks::Rise;
use super::flow::{Item, PageMark};
use super::fonts::face;
use super::lines::{LinePart, Look, Object, PartKind};
use super::pictures::Pictures;
use super::shape::WordGlyph;
use super::tags::{DrawnTags, Tags};

impl Glyph for WordGlyph {
    fn glyph_id(&self) -> GlyphId {
        self.id
    }

    fn text_range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    fn x_advance(&self, size: f32) -> f32 {
        self.advance * size
    }

    fn x_offset(&self, size: f32) -> f32 {
        self.offset.0 * size
    }

    fn y_offset(&self, size: f32) -> f32 {
        self.offset.1 * size
    }

    fn y_advance(&self, _size: f32) -> f32 {
        0.0
    }

    fn location(&self) -> Option<Location> {
        None
    }
}

/// Where an item is on its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemSpot {
    pub x: f32,
    pub y: f32,
    pub is_first: bool,
}

/// The areas of links on a page, by part of the letter and node.
pub(super) type LinkAreas = BTreeMap<(usize, usize), Vec<Rect>>;

/// Draws on a page.
pub(super) struct Pen<'a, 'b> {
    pub surface: Surface<'a>,
    pub pictures: &'b Pictures,
    pub links: LinkAreas,
}

impl Pen<'_, '_> {
    /// Draws an item of a part of the letter.
    pub fn item(
        &mut self,
        item: &Item,
        spot: ItemSpot,
        part: usize,
        drawn: &mut DrawnTags<'_>,
        tags: &Tags,
        language: &str,
    ) {
        let mut open: Option<(usize, String)> = None;
        for mark in &item.marks {
            let PageMark::Part { x, baseline, part: drawing, node } = mark else { continue };
            let own = own_language(drawing, language);
            let key = (*node, own.unwrap_or_default().to_owned());
            if open.as_ref() != Some(&key) {
                if open.is_some() {
                    self.surface.end_tagged();
                }
                let tag = if matches!(drawing.what, PartKind::Object { .. }) {
                    ContentTag::Other
                } else {
                    ContentTag::Span(SpanTag::empty().with_lang(own))
                };
                drawn.push(*node, self.surface.start_tagged(tag));
                open = Some(key);
            }
            let at = Point::from_xy(spot.x + x, spot.y + baseline);
            self.part(drawing, at);
            if tags.url(*node).is_some()
                && let Some(area) = area(drawing, at)
            {
                self.links.entry((part, *node)).or_default().push(area);
            }
        }
        if open.is_some() {
            self.surface.end_tagged();
        }
        self.rules(item, spot);
    }

    /// Draws an item without a meaning of its own on this page, such as a repeated table header.
    pub fn artifact(&mut self, item: &Item, spot: ItemSpot, kind: ArtifactType) {
        self.surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(kind)));
        for mark in &item.marks {
            if let PageMark::Part { x, baseline, part, .. } = mark {
                self.part(part, Point::from_xy(spot.x + x, spot.y + baseline));
            }
        }
        self.surface.end_tagged();
        self.rules(item, spot);
    }

    /// Ends the drawing; returns the areas of the links.
    pub fn finish(self) -> LinkAreas {
        self.surface.finish();
        self.links
    }

    fn rules(&mut self, item: &Item, spot: ItemSpot) {
        let slot = item.slot;
        let boxes = item.marks.iter().filter_map(|mark| match mark {
            PageMark::Fill { x, y, width, height } => Some((*x, *y, *width, *height)),
            PageMark::RuleAbove { x, width } => {
                (!spot.is_first).then_some((*x, -slot.before * 0.5, *width, 0.5))
            }
            PageMark::Bar { x, is_joined } => {
                let above = if *is_joined && !spot.is_first { slot.before } else { 0.0 };
                Some((*x, -above, 2.0, slot.height + above))
            }
            PageMark::Part { .. } => None,
        });
        let boxes: Vec<_> = boxes.collect();
        if boxes.is_empty() {
            return;
        }
        self.surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
        for (x, y, width, height) in boxes {
            self.fill(spot.x + x, spot.y + y, width, height);
        }
        self.surface.end_tagged();
    }

    /// Fills a box.
    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32) {
        let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
        let mut path = PathBuilder::new();
        path.push_rect(rect);
        if let Some(path) = path.finish() {
            let paint = luma::Color::black().into();
            self.surface.set_fill(Some(Fill {
                paint,
                opacity: NormalizedF32::ONE,
                rule: FillRule::default(),
            }));
            self.surface.draw_path(&path);
        }
    }

    /// Draws the outline of a box.
    pub fn outline(&mut self, x: f32, y: f32, width: f32, height: f32, line: f32) {
        self.fill(x, y, width, line);
        self.fill(x, y + height - line, width, line);
        self.fill(x, y, line, height);
        self.fill(x + width - line, y, line, height);
    }

    fn part(&mut self, part: &LinePart, at: Point) {
        match &part.what {
            PartKind::Text { look, text, glyphs } => self.text(look, text, glyphs, part.width, at),
            PartKind::Object { object: Object::Picture { src, .. }, height } => {
                self.picture(src, at.x, at.y - height, part.width, *height);
            }
            PartKind::Object { object: Object::Meter { share, .. }, height } => {
                self.outline(at.x, at.y - height, part.width, *height, 0.6);
                self.fill(at.x, at.y - height, part.width * share, *height);
            }
        }
    }

    /// Draws a picture.
    pub fn picture(&mut self, src: &str, x: f32, y: f32, width: f32, height: f32) {
        if let (Some(image), Some(size)) = (self.pictures.get(src), Size::from_wh(width, height)) {
            self.surface.push_transform(&Transform::from_translate(x, y));
            self.surface.draw_image(image.clone(), size);
            self.surface.pop();
        }
    }

    fn text(&mut self, look: &Look, text: &str, glyphs: &[WordGlyph], width: f32, at: Point) {
        let paint = luma::Color::black().into();
        self.surface.set_fill(Some(Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::default() }));
        let rise = match look.style.rise {
            Rise::None => 0.0,
            Rise::Raised => 0.5,
            Rise::Lowered => -0.2,
        };
        let mut x = at.x;
        for run in glyphs.chunk_by(|left, right| left.face == right.face) {
            let Some(face) = run.first().and_then(|glyph| face(glyph.face)) else { continue };
            let start = Point::from_xy(x, at.y - rise * look.size);
            self.surface.draw_glyphs(start, run, face.font.clone(), text, look.size, false);
            x += run.iter().map(|glyph| glyph.advance * look.size).sum::<f32>();
        }
        if look.style.strike {
            self.fill(at.x, at.y - look.size * 0.3, width, look.size * 0.06);
        }
    }
}

fn own_language<'a>(part: &'a LinePart, language: &str) -> Option<&'a str> {
    match &part.what {
        PartKind::Text { look, .. } => Some(&*look.language).filter(|own| *own != language),
        PartKind::Object { .. } => None,
    }
}

fn area(part: &LinePart, at: Point) -> Option<Rect> {
    let (above, below) = match &part.what {
        PartKind::Text { look, .. } => (look.size, look.size * 0.25),
        PartKind::Object { height, .. } => (*height, 0.0),
    };
    Rect::from_ltrb(at.x, at.y - above, at.x + part.width, at.y + below)
}

/// Makes the links of a page clickable.
pub(super) fn annotate(page: &mut Page<'_>, links: LinkAreas, drawn: &mut [DrawnTags<'_>], tags: &[&Tags]) {
    for ((part, node), areas) in links {
        let Some(url) = tags.get(part).and_then(|tags| tags.url(node)) else { continue };
        let corners = areas.iter().map(|area| {
            let point = Point::from_xy;
            Quadrilateral([
                point(area.left(), area.bottom()),
                point(area.right(), area.bottom()),
                point(area.right(), area.top()),
                point(area.left(), area.top()),
            ])
        });
        let target = Target::Action(Action::Link(LinkAction::new(url.to_owned())));
        let link = LinkAnnotation::new_with_quad_points(corners.collect(), target);
        let identifier = page.add_tagged_annotation(Annotation::new_link(link, Some(url.to_owned())));
        if let Some(drawn) = drawn.get_mut(part) {
            drawn.push(node, identifier);
        }
    }
}
