/** Pictures → an .mp4, by the ffmpeg of the machine: nothing is downloaded, and without one the error says so. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RgbaPicture } from '../formats/index.ts';

export interface Mp4Options {
  size: number; // pixels per side, even
  fps: number;
  signal?: AbortSignal;
}

/** @throws Error that says how to mend it when no ffmpeg is on the PATH */
export async function expectFfmpeg(): Promise<void> {
  const asked = spawn('ffmpeg', ['-version'], { stdio: 'ignore' });
  await ended(asked).catch((cause) => {
    throw missing(cause);
  });
}

/**
 * Frames are piped as they come. The film is made in a folder of its own for temporary files, which is removed however the
 * work ends: its index is written last, so a pipe would not do.
 * @throws Error with ffmpeg's own last words when it fails; the signal's reason when aborted
 */
export async function encodeMp4(
  frames: AsyncIterable<RgbaPicture>,
  { size, fps, signal }: Mp4Options,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-mp4-'));
  const out = join(folder, 'film.mp4');
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-s', `${size}x${size}`, '-r', String(fps), '-i', 'pipe:0'];
  // Players expect 4:2:0, and BT.709 for the colors of anything larger than a stamp.
  const colors = ['-vf', 'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p', '-colorspace', 'bt709'];
  const tags = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-movflags', '+faststart'];
  const child = spawn('ffmpeg', ['-y', '-loglevel', 'error', ...input, '-an', ...colors, ...tags, out], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-2000);
  });
  const end = ended(child).catch((cause) => {
    throw cause.code === 'ENOENT' ? missing(cause) : new Error(failure(said, cause), { cause });
  });
  end.catch(() => undefined); // awaited below, after the frames
  let isBroken = false;
  child.stdin.on('error', () => {
    isBroken = true; // it ended early: its exit says why
  });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const { data } of frames) {
      signal?.throwIfAborted();
      if (isBroken) break;
      if (!child.stdin.write(data)) await Promise.race([once(child.stdin, 'drain').catch(() => undefined), end]);
    }
    child.stdin.end();
    await end;
    return Uint8Array.from(await readFile(out));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await end.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Settles with the process: an error when it cannot start or does not end well. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`it ended with ${signal ?? `code ${code}`}`)),
    );
  });
}

function missing(cause: unknown): Error {
  return new Error(
    'an .mp4 needs ffmpeg, and there is none on the PATH. Install it (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or give a name that ends in .webp.',
    { cause },
  );
}

function failure(said: string, cause: Error): string {
  const last = said.trim().split('\n').at(-1);
  return `ffmpeg could not make the .mp4: ${last || cause.message}. A name that ends in .webp needs no ffmpeg.`;
}
