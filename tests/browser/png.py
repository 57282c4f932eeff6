"""A picture of a page in as few bytes as it needs: at most 256 colours, well compressed."""

import base64
import struct
import zlib

from playwright.async_api import Page

# In the browser, which reads a picture faster than we would: its size, its palette, and a byte of index a pixel.
READ = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const count = new Map();
  for (const each of pixels) count.set(each, (count.get(each) || 0) + 1);
  const far = (a, b) => [0, 8, 16].reduce((sum, at) => sum + (((a >> at) & 255) - ((b >> at) & 255)) ** 2, 0);
  // Again and again the colour that is most badly missed: how often it is seen, times how far its nearest is.
  const colours = [...count].map(([colour, times]) => ({colour, times, near: 0, off: Infinity}));
  const palette = [];
  let next = colours.reduce((best, each) => each.times > best.times ? each : best);
  while (palette.length < 256 && next.off > 0) {
    palette.push(next.colour);
    for (const each of colours) {
      const off = far(each.colour, next.colour);
      if (off < each.off) { each.off = off; each.near = palette.length - 1; }
    }
    next = colours.reduce((best, each) => each.off * each.times > best.off * best.times ? each : best);
  }
  const place = new Map(colours.map((each) => [each.colour, each.near]));
  const indices = Uint8Array.from(pixels, (each) => place.get(each));
  let text = "";
  for (let at = 0; at < indices.length; at += 32768) text += String.fromCharCode(...indices.subarray(at, at + 32768));
  return [bitmap.width, bitmap.height, palette.map((each) => [0, 8, 16].map((at) => (each >> at) & 255)), btoa(text)];
}"""


async def reduced(picture: bytes, blank: Page) -> bytes:
    """The same picture as a PNG with a palette (ISO/IEC 15948). `blank` is a page of nobody's, without a policy."""
    width, height, palette, text = await blank.evaluate(READ, base64.b64encode(picture).decode())
    indices = base64.b64decode(text)
    rows = b"".join(b"\0" + indices[row * width : (row + 1) * width] for row in range(height))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", bytes(channel for colour in palette for channel in colour)),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )
