import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { decodePicture, encodePng } from '../formats/index.ts';
import { preparePicture } from '../stages/0-condition/index.ts';

/**
 * The condition views of an asset as networks see them: framed, resized, on black; RGB bytes [S, S, 3] each.
 * Preparing all views of 1390 assets takes minutes, reading them prepared takes seconds, so they are kept as one strip
 * per asset beside the views (`prepared_cond/<S>/<sha>.png`), and made again when the number of views has changed.
 */
export async function preparedViews(folder: string, size: number): Promise<Uint8Array[]> {
  const files = (await readdir(folder)).filter((name) => /^\d+\.png$/.test(name)).sort();
  const strip = join(dirname(dirname(folder)), 'prepared_cond', String(size), `${basename(folder)}.png`);
  const kept = await readStrip(strip, size, files.length);
  if (kept) return kept;
  const views = await Promise.all(
    files.map(
      async (name) =>
        preparePicture(await decodePicture(await readFile(join(folder, name))), { size }).data as Uint8Array,
    ),
  );
  const data = new Uint8Array(views.length * size * size * 3);
  for (const [i, view] of views.entries()) data.set(view, i * view.length);
  await mkdir(dirname(strip), { recursive: true });
  await writeFile(`${strip}.${process.pid}.tmp`, await encodePng({ width: size, height: size * views.length, data }));
  await rename(`${strip}.${process.pid}.tmp`, strip);
  return views;
}

async function readStrip(path: string, size: number, count: number): Promise<Uint8Array[] | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined; // not made yet
  }
  const picture = await decodePicture(bytes).catch(() => undefined); // a damaged strip is made again
  if (picture?.width !== size || picture.height !== size * count) return undefined;
  const { data } = picture;
  const pixels = size * size;
  return Array.from({ length: count }, (_, i) => {
    const view = new Uint8Array(pixels * 3);
    for (let j = 0; j < pixels; j++) for (let c = 0; c < 3; c++) view[j * 3 + c] = data[(i * pixels + j) * 4 + c];
    return view;
  });
}
