"""Icons and thumbnails, drawn with nothing but shapes: ours, and the same on every machine.

All stand on a plate or have an outline of their own, so that they show on light and dark alike.
"""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

PLATE = (28, 46, 74)
PLATE_EDGE = (96, 130, 172)
DRAWN = (255, 170, 70)
FOUND = (120, 200, 225)
WHITE = (255, 255, 255)
SCALE = 8
"""Pictures are drawn this many times larger and made small afterwards, for smooth edges."""


class Canvas:
    """A picture under way, in units of the finished one.

    :param width, height: pixels of the finished picture
    :param background: (r, g, b), or None for a transparent one
    """

    def __init__(self, width, height, background=None):
        self.size = (width, height)
        fill = (0, 0, 0, 0) if background is None else (*background, 255)
        self.image = Image.new("RGBA", (width * SCALE, height * SCALE), fill)

    def plate(self, radius=22):
        """The rounded square that icons stand on, with an edge that shows on a dark background."""
        width, height = self.size
        box = [2 * SCALE, 2 * SCALE, (width - 2) * SCALE, (height - 2) * SCALE]
        ImageDraw.Draw(self.image).rounded_rectangle(
            box, radius * SCALE, fill=(*PLATE, 255), outline=(*PLATE_EDGE, 255), width=width * SCALE // 32
        )

    def ellipse(self, center, radii, fill=None, outline=None, width=2, opacity=255):
        """An ellipse; what lies below shines through where the opacity is below 255."""
        points = [
            (center[0] + radii[0] * math.cos(t * math.tau / 90), center[1] + radii[1] * math.sin(t * math.tau / 90))
            for t in range(90)
        ]
        self.polygon(points, fill, outline, width, opacity)

    def polygon(self, points, fill=None, outline=None, width=2, opacity=255):
        """A closed outline, filled or not."""
        layer = Image.new("RGBA", self.image.size, (0, 0, 0, 0))
        draw = ImageDraw.Draw(layer)
        large = [(x * SCALE, y * SCALE) for x, y in points]
        if fill is not None:
            draw.polygon(large, fill=(*fill, opacity))
        if outline is not None:
            draw.line([*large, *large[:2]], fill=(*outline, 255), width=round(width * SCALE), joint="curve")
        self.image = Image.alpha_composite(self.image, layer)

    def line(self, points, color, width):
        """A line with round ends."""
        draw = ImageDraw.Draw(self.image)
        large = [(x * SCALE, y * SCALE) for x, y in points]
        draw.line(large, fill=(*color, 255), width=round(width * SCALE), joint="curve")
        radius = width * SCALE / 2
        for x, y in (large[0], large[-1]):
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*color, 255))

    def blur(self, pixels):
        """Softens what was drawn so far, as a scan is soft."""
        self.image = self.image.filter(ImageFilter.GaussianBlur(pixels * SCALE))

    def finish(self):
        """The finished picture."""
        return self.image.resize(self.size, Image.LANCZOS)


def rounded(points, times=3):
    """A closed outline with its corners cut again and again until it is smooth."""
    for _ in range(times):
        following = [*points[1:], points[0]]
        points = [
            (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            for a, b in zip(points, following, strict=True)
            for share in (0.25, 0.75)
        ]
    return points


def module_icon():
    """Slices of which three are drawn, and the shape that they become; 128 x 128."""
    canvas = Canvas(128, 128)
    canvas.plate()
    for index, radius in enumerate([16, 25, 31, 34, 31, 25, 16]):
        center, radii = (64, 22 + 14 * index), (1.45 * radius, 7)
        if index in (1, 3, 5):
            canvas.ellipse(center, radii, fill=DRAWN, outline=WHITE)
        else:
            canvas.ellipse(center, radii, fill=FOUND, opacity=150)
    return canvas.finish()


def effect_icon():
    """A pencil that draws one slice, and the slices that follow; 64 x 64, made for 20 pixels or so."""
    canvas = Canvas(64, 64)
    canvas.plate(radius=12)
    for y in (19, 49):
        canvas.ellipse((27, y), (14, 5), fill=FOUND)
    canvas.ellipse((27, 34), (20, 7.5), fill=DRAWN, outline=WHITE, width=3)
    canvas.line([(54, 10), (44, 23)], WHITE, 8)
    canvas.polygon([(48, 25.5), (40.5, 20), (38, 31)], fill=DRAWN, outline=WHITE, width=2)
    return canvas.finish()


def head_thumbnail():
    """A head in an axial MR slice, ventricles drawn: a sketch, not a scan; 260 x 280."""
    canvas = Canvas(260, 280, background=(12, 12, 14))
    middle = (130, 140)
    canvas.ellipse(middle, (100, 122), fill=(176, 176, 176))
    canvas.ellipse(middle, (92, 114), fill=(26, 26, 28))
    canvas.ellipse(middle, (85, 107), fill=(118, 118, 118))
    for side in (-1, 1):
        for row in range(9):
            y = 56 + 21 * row
            half = 76 * math.sqrt(max(0.0, 1 - ((y - 140) / 98) ** 2))
            x = 130 + side * half
            canvas.line([(x, y), (x - side * (16 + 7 * (row % 3)), y + 6 * (-1) ** row)], (62, 62, 62), 4)
    canvas.ellipse(middle, (58, 80), fill=(158, 158, 158), opacity=190)
    canvas.line([(130, 36), (130, 84)], (58, 58, 58), 3)
    canvas.line([(130, 196), (130, 244)], (58, 58, 58), 3)
    canvas.blur(1.6)
    for side in (-1, 1):
        shape = [(4, -42), (17, -50), (27, -34), (15, -14), (9, 6), (20, 30), (27, 52), (15, 44), (4, 14)]
        outline = rounded([(130 + side * x, 138 + y) for x, y in shape])
        canvas.polygon(outline, fill=DRAWN, outline=WHITE, opacity=110)
    return canvas.finish()


def chest_thumbnail():
    """A chest in an axial CT slice, lungs drawn: a sketch, not a scan; 260 x 280."""
    canvas = Canvas(260, 280, background=(8, 8, 10))
    canvas.ellipse((130, 142), (120, 92), fill=(96, 96, 96))
    canvas.ellipse((130, 142), (110, 82), fill=(150, 150, 150))
    for angle in range(12, 180, 21):
        for side in (-1, 1):
            t = math.radians(angle - 90)
            canvas.ellipse((130 + side * 98 * math.cos(t), 142 + 73 * math.sin(t)), (9, 5), fill=(232, 232, 232))
    right = [(-14, -46), (-46, -66), (-84, -40), (-96, 6), (-84, 48), (-46, 62), (-16, 44), (-30, 10), (-22, -16)]
    left = [(18, -46), (46, -66), (84, -40), (96, 6), (84, 48), (46, 62), (28, 42), (46, 16), (50, -10), (30, -22)]
    lungs = [rounded([(130 + x, 140 + y) for x, y in shape]) for shape in (right, left)]
    for shape in lungs:
        canvas.polygon(shape, fill=(20, 20, 22))
    canvas.ellipse((140, 132), (28, 24), fill=(190, 190, 190))
    canvas.ellipse((130, 194), (18, 12), fill=(224, 224, 224))
    canvas.ellipse((130, 191), (7, 5), fill=(120, 120, 120))
    canvas.ellipse((147, 172), (8, 8), fill=(200, 200, 200))
    canvas.blur(1.4)
    for shape in lungs:
        canvas.polygon(shape, fill=FOUND, outline=WHITE, opacity=95)
    return canvas.finish()


PICTURES = {
    "MedMetaSlicer/Resources/Icons/MedMetaSlicer.png": module_icon,
    "MedMetaSlicer/Resources/Icons/MedMetaEffect.png": effect_icon,
    "MedMetaSlicer/Resources/Icons/MedMetaChest.png": chest_thumbnail,
    "MedMetaSlicer/Resources/Icons/MedMetaHead.png": head_thumbnail,
    "Resources/MedMetaSlicer.png": module_icon,
}
"""Paths in the repository, and what draws them."""


def draw_all(root):
    """Draws every picture into a checkout.

    :return: paths of the files
    """
    paths = []
    for name, draw in PICTURES.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw().save(path)
        paths.append(path)
    return paths
