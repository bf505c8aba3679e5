"""The route network as an SVG, drawn from what the database answers."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from solidb_odm import Session, select

from .models import Airport, Route

WEST, EAST, SOUTH, NORTH, SCALE = -180.0, -62.0, 11.0, 73.0, 12.0


def draw(session: Session, path: Path) -> Path:
    """Write the picture: a line for each pair of airports, the thicker the more airlines fly it."""
    places = {airport.id: airport.location for airport in session.scalars(select(Airport))}
    pairs = Counter((min(ends), max(ends)) for ends in session.execute(select(Route.from_, Route.to)).all())
    width, height = (EAST - WEST) * SCALE, (NORTH - SOUTH) * SCALE
    svg = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
    )
    ET.SubElement(svg, "title").text = f"{len(pairs)} pairs of airports with a direct flight"
    ET.SubElement(svg, "rect", width="100%", height="100%", fill="#0b1526")
    lines = ET.SubElement(svg, "g", stroke="#5fb3ff")
    for (start, end), airlines in sorted(pairs.items(), key=lambda item: item[1]):
        (x1, y1), (x2, y2) = (_project(places[each].lat, places[each].lon) for each in (start, end))
        bend = 0.12 * abs(x2 - x1)
        curve = f"M{x1:.1f} {y1:.1f}Q{(x1 + x2) / 2:.1f} {(y1 + y2) / 2 - bend:.1f} {x2:.1f} {y2:.1f}"
        strength = min(1.0, 0.12 + 0.06 * airlines)
        ET.SubElement(
            lines, "path", d=curve, fill="none",
            attrib={"stroke-width": f"{0.25 + 0.1 * airlines:.2f}", "stroke-opacity": f"{strength:.2f}"},
        )  # fmt: skip
    dots = ET.SubElement(svg, "g", fill="#ffd166")
    for place in places.values():
        x, y = _project(place.lat, place.lon)
        ET.SubElement(dots, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="1.3")
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(svg).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _project(lat: float, lon: float) -> tuple[float, float]:
    """Put a place on the page; what lies beyond the date line stands at its western edge."""
    west = lon - 360 if lon > 0 else lon
    return (max(west, WEST + 2) - WEST) * SCALE, (NORTH - lat) * SCALE
