import { openFile } from './file-access.ts';

/** The bytes of a small file, at most `most`. @throws Error naming the file when it is missing or larger */
export async function wholeFile(path: string, most: number): Promise<Uint8Array> {
  const file = await openFile(path);
  try {
    if (file.size > most) throw new Error(`${path}: has ${file.size} bytes, expected a file of at most ${most}.`);
    const bytes = new Uint8Array(file.size);
    await file.read(bytes, 0);
    return bytes;
  } finally {
    await file.close();
  }
}
