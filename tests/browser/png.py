"""A picture of a page in as few bytes as it needs: its 256 commonest colours, well compressed."""

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
  const palette = [...count].sort((a, b) => b[1] - a[1]).slice(0, 256).map((each) => each[0]);
  const place = new Map(palette.map((each, at) => [each, at]));
  const far = (a, b) => [0, 8, 16].reduce((sum, at) => sum + (((a >> at) & 255) - ((b >> at) & 255)) ** 2, 0);
  for (const each of count.keys()) if (!place.has(each)) {
    let best = 0;
    palette.forEach((other, at) => { if (far(each, other) < far(each, palette[best])) best = at; });
    place.set(each, best);
  }
  const indices = Uint8Array.from(pixels, (each) => place.get(each));
  let text = "";
  for (let at = 0; at < indices.length; at += 32768) text += String.fromCharCode(...indices.subarray(at, at + 32768));
  const colours = palette.map((each) => [each & 255, (each >> 8) & 255, (each >> 16) & 255]);
  return [bitmap.width, bitmap.height, colours, btoa(text)];
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
