"""Charts and diagrams as pictures, so that no script has to draw them; and what they say, as text."""

import html
import json
import re

import mermaidx
import vl_convert

# Stand for the colours of the page's text and of its ground, which light and dark differ in.
INK, GROUND = "#010203", "#040506"
INK_HERE, GROUND_HERE = "currentColor", "var(--pst-color-background)"

AXES = {"labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK,
        "gridOpacity": 0.2, "labelFontSize": 12, "titleFontSize": 12}
CHARTS = {
    "background": None,
    # A reader's letters may be wider than those that the labels were measured with.
    "padding": {"left": 32, "right": 12, "top": 5, "bottom": 5},
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": AXES,
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": INK, "fontSize": 14},
    "text": {"color": INK},
}

LINES = ("primaryTextColor", "primaryBorderColor", "lineColor", "textColor", "nodeBorder", "transitionColor",
         "transitionLabelColor", "specialStateColor", "stateLabelColor", "actorBorder", "actorTextColor", "signalColor",
         "signalTextColor", "noteTextColor", "labelTextColor", "loopTextColor")
AREAS = ("primaryColor", "secondaryColor", "tertiaryColor", "background", "mainBkg", "stateBkg", "edgeLabelBackground",
         "labelBackgroundColor", "actorBkg", "noteBkgColor")
DIAGRAMS = {
    "theme": "base",
    "themeVariables": {"fontFamily": "sans-serif", "fontSize": "14px"}
    | dict.fromkeys(LINES, INK) | dict.fromkeys(AREAS, GROUND),
}


def coloured(svg, name):
    """A drawing in the colours of the page that it stands in, under its name for those who do not see it."""
    svg = svg.replace(INK, INK_HERE).replace(GROUND, GROUND_HERE)
    svg = re.sub(r"^.*?<svg\b", "<svg", svg, count=1, flags=re.DOTALL)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(?:role|aria-\w+)="[^"]*"', "", opening)
    return f'{opening} role="img" aria-label="{html.escape(name)}">{rest}'


def figure(kind, name, svg, text):
    """A picture, and the same as text, folded. On one line: a blank one would end it within Markdown."""
    label = html.escape(name)
    lines = "&#10;".join(html.escape(text.strip()).split("\n"))
    return (
        f'<figure class="green-threads {kind}" role="group" aria-label="{label}">'
        f'<div class="gt-drawn">{coloured(svg, name)}</div>'
        f'<details><summary>The same as text</summary><pre tabindex="0">{lines}</pre></details></figure>'
    ).replace("\n", " ")


def chart(spec, text):
    """A Vega-Lite chart. Its text comes without bars of its own: these are what the picture is for."""
    svg = vl_convert.vegalite_to_svg(spec | {"config": CHARTS | spec.get("config", {})})
    words = re.sub(r"[ \t]+#+$", "", text, flags=re.MULTILINE)
    if not words.strip():
        raise ValueError(f"a chart came without its text: {str(spec)[:200]}")
    return figure("gt-chart", title_of(spec), svg, words)


def title_of(spec):
    title = spec.get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    return " ".join(title) if isinstance(title, list) else title or "A chart"


def diagram(source, name):
    """A Mermaid diagram; `name` tells it from the others of the page."""
    drawn = mermaidx.render("%%{init: " + json.dumps(DIAGRAMS) + "}%%\n" + source).svg()
    drawn = re.sub(r"\bmy-svg\b", name, drawn)
    drawn = re.sub(r'\bid="(edge\d+)"', rf'id="{name}-\1-path"', drawn)
    steps = [line.strip() for line in source.splitlines() if "-->" in line]
    return figure("gt-diagram", "A diagram: " + "; ".join(steps), drawn, source)
