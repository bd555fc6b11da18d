// Unpacks @sparticuz/chromium beside itself: the package would do it under /tmp at first use, and
// asks for a newer node than this needs. The libraries it was built for come along, for machines
// that have no browser's libraries of their own.
import { execFileSync } from "node:child_process";
import { createReadStream, createWriteStream, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const packed = join(import.meta.dirname, "node_modules/@sparticuz/chromium/bin");
const place = join(import.meta.dirname, "node_modules/.chromium");

async function unpack(name, mode) {
  const file = join(place, name);
  const from = createReadStream(join(packed, `${name}.br`));
  await pipeline(from, createBrotliDecompress(), createWriteStream(file, { mode }));
  return file;
}

rmSync(place, { recursive: true, force: true });
mkdirSync(place, { recursive: true });
await unpack("chromium", 0o755);
for (const name of ["swiftshader.tar", "al2023.tar", "fonts.tar"]) {
  const file = await unpack(name, 0o644);
  execFileSync("tar", ["-xf", file, "-C", place]);
  rmSync(file);
}
