//! The report of `stockade analyze --html`: one page that needs nothing from anywhere, for large and small screens, light
//! and dark. Everything that comes from a policy passes `escaped`.

use crate::fault::clean;

use super::analyze::{self, Analysis};
use super::exposure::{self, Score};
use super::reach::{Reach, Verdict};

/// Colours keep a contrast of 4.5 and more against what is behind them (WCAG 2 AA), in both schemes.
const STYLE: &str = include_str!("html.css");

/// Text that means nothing to a browser.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The whole page.
pub fn page(all: &[Analysis], docker: usize) -> String {
    let names: Vec<String> = all.iter().map(|one| escaped(&one.name)).collect();
    let mut body = String::new();
    if all.len() > 1 {
        body.push_str("<nav aria-label=\"Reports\"><ul>");
        for (at, one) in all.iter().enumerate() {
            let (name, number) = (&names[at], exposure::number(one.score.tenths));
            body.push_str(&format!(
                "<li><a href=\"#r{at}\">{name} <b class=\"{}\">{number}</b></a></li>",
                class(&one.score)
            ));
        }
        body.push_str("</ul></nav>\n");
    }
    for (at, one) in all.iter().enumerate() {
        body.push_str(&article(one, at, docker));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{} · stockade analyze</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <footer>Made by stockade {}. The score is that of systemd 252; 0 is best.</footer>\n</body>\n</html>\n",
        names.join(", "),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The class of a score's colour.
fn class(score: &Score) -> &'static str {
    match score.tenths {
        75.. => "bad",
        50.. => "fair",
        _ => "good",
    }
}

fn article(one: &Analysis, at: usize, docker: usize) -> String {
    let tenths = one.score.tenths;
    let number = exposure::number(tenths);
    let mut text = format!(
        "<article id=\"r{at}\">\n<header>\n<p class=\"kind\">{}</p>\n<h1>{}</h1>\n\
         <p class=\"score {}\"><strong>{number}</strong> <span>{}</span></p>\n\
         <div class=\"meter {}\" role=\"img\" aria-label=\"Exposure {number} of 10\"><i style=\"width:{tenths}%\"></i></div>\n</header>\n",
        one.kind,
        escaped(&one.name),
        class(&one.score),
        one.score.rating(),
        class(&one.score),
    );
    match &one.reach {
        Ok(reach) => text.push_str(&reached(reach, docker)),
        Err(why) => text
            .push_str(&format!("<p class=\"note\">What the score does not see is not known: {}</p>\n", escaped(why))),
    }
    text.push_str(&table(&one.score));
    text.push_str("</article>\n");
    text
}

fn reached(reach: &Reach, docker: usize) -> String {
    let (real, idle): (Vec<_>, Vec<_>) = reach.dangers.iter().partition(|danger| danger.effective);
    let sockets = reach.sockets.iter().filter(|(_, verdict)| verdict.can_run()).count();
    let cards = [
        (reach.allowed().to_string(), format!("of {} system calls; Docker allows {docker}", reach.known())),
        (real.len().to_string(), "dangerous calls can be made".into()),
        (reach.bounding.names().len().to_string(), "of 41 capabilities can be had".into()),
        (sockets.to_string(), format!("of {} kinds of sockets can be made", reach.sockets.len())),
    ];
    let mut text = String::from("<ul class=\"cards\">\n");
    for (number, what) in cards {
        text.push_str(&format!("<li><b>{number}</b> {what}</li>\n"));
    }
    text.push_str("</ul>\n<section>\n<h2>Dangerous system calls that can be made</h2>\n");
    if real.is_empty() {
        text.push_str("<p>None of those that stockade knows of.</p>\n");
    } else {
        text.push_str("<dl class=\"dangers\">\n");
        for danger in &real {
            let how = match danger.verdict {
                Verdict::Depends(_) => " <em>(by its arguments)</em>",
                Verdict::Supervised => " <em>(if a supervisor lets it)</em>",
                _ => "",
            };
            text.push_str(&format!(
                "<div><dt><code>{}</code></dt><dd>{}{how}</dd></div>\n",
                escaped(danger.call),
                escaped(danger.reason)
            ));
        }
        text.push_str("</dl>\n");
    }
    if !idle.is_empty() {
        let names: Vec<String> = idle.iter().map(|danger| format!("<code>{}</code>", escaped(danger.call))).collect();
        text.push_str(&format!(
            "<p class=\"note\">Allowed, but without the capability that they need: {}</p>\n",
            names.join(" ")
        ));
    }
    text.push_str("</section>\n<section>\n<h2>What the score does not see</h2>\n<dl class=\"facts\">\n");
    for (title, lines) in analyze::facts(reach, docker) {
        // Sentences there, and words of one list elsewhere.
        let join = if title == "system calls" { "; " } else { " " };
        text.push_str(&format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(title), escaped(&lines.join(join))));
    }
    text.push_str("</dl>\n</section>\n<section>\n<h2>What can be done where</h2>\n<dl class=\"facts\">\n");
    for (words, paths) in analyze::paths(reach) {
        let paths: Vec<String> = paths.iter().map(|path| format!("<code>{}</code>", escaped(path))).collect();
        text.push_str(&format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(&words), paths.join(" ")));
    }
    text.push_str("</dl>\n</section>\n");
    text
}

fn table(score: &Score) -> String {
    let lines = analyze::ordered(score);
    let worst = lines.iter().map(|line| line.exposure).max().unwrap_or(0).max(1);
    let good = lines.iter().filter(|line| line.badness == Some(0)).count();
    let mut text = format!(
        "<section>\n<h2>The score, line by line</h2>\n<p class=\"note\">{good} of {} lines are as good as can be.</p>\n<table>\n\
         <thead><tr><th scope=\"col\">Setting</th><th scope=\"col\">What holds</th><th scope=\"col\">Exposure</th></tr></thead>\n<tbody>\n",
        lines.len()
    );
    for line in lines {
        let (class, sign, said) = match line.badness {
            None => ("none", "–", "does not apply"),
            Some(0) => ("good", "✓", "good"),
            Some(_) => ("bad", "✗", "bad"),
        };
        let exposure = if line.exposure > 0 {
            let width = line.exposure * 100 / worst;
            format!("<i class=\"bar\" style=\"width:{width}%\"></i><span>{}</span>", exposure::number(line.exposure))
        } else {
            String::new()
        };
        text.push_str(&format!(
            "<tr class=\"{class}\"><th scope=\"row\"><span class=\"sign\" role=\"img\" aria-label=\"{said}\">{sign}</span> <code>{}</code></th>\
             <td>{}</td><td class=\"number\">{exposure}</td></tr>\n",
            escaped(line.name).replace('|', "|<wbr>"),
            escaped(&line.text)
        ));
    }
    text.push_str("</tbody>\n</table>\n</section>\n");
    text
}
