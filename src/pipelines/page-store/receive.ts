/** A distant file into the page's own files: by ranges, so that what has arrived is gone on from, and with its hash checked. */
import { patience, pause } from '../hub/patience.ts';
import type { HubOptions } from '../hub/repository.ts';
import { type HubAccess, PassingError, readFrom } from '../hub/request.ts';
import { type FileInPlace, keptFile, markComplete, openInPlace } from './kept-files.ts';
import { sha256 } from './sha256.ts';

/** What a file's content must be: its SHA-256, or the name that git gives it (SHA-1). */
export interface Hash {
  readonly kind: 'sha256' | 'git';
  readonly hex: string;
}

export interface DistantBlob {
  /** what it is kept under */
  readonly id: string;
  readonly url: string;
  readonly hash?: Hash;
  readonly size?: number;
}

/** An attempt that brought this many bytes did not fail in vain: the next ones are counted anew. */
const WORTH_ANOTHER = 2 ** 16;

/**
 * Path of the file, once it is here whole. Of several pages that want the same file one fetches it, the others wait.
 * @throws Error when its bytes do not have the hash they should, and when the browser has no room
 */
export async function receive(
  access: HubAccess,
  file: DistantBlob,
  name: string,
  options: HubOptions & { onProgress?: (bytes: number, of?: number) => void },
): Promise<string> {
  const lock = { signal: options.signal };
  return navigator.locks.request(`espalier ${file.id}`, lock, async () => {
    const kept = await keptFile(file.id);
    if (kept !== undefined) return kept;
    const into = await openInPlace(file.id);
    let size: number;
    try {
      await requireRoom(file, into.getSize());
      await fill(access, file, into, name, options);
      into.flush();
      size = into.getSize();
    } catch (error) {
      throw (error as Error).name === 'QuotaExceededError' ? noRoom(file.url, file.size) : error;
    } finally {
      into.close();
    }
    await markComplete(file.id, size);
    return (await keptFile(file.id)) as string;
  });
}

async function fill(
  access: HubAccess,
  file: DistantBlob,
  into: FileInPlace,
  name: string,
  options: HubOptions & { onProgress?: (bytes: number, of?: number) => void },
): Promise<void> {
  const known = into.getSize();
  for (let round = 1; ; round++) {
    const answers = await patientlyReceive(access, file, into, name, options);
    const wrong = file.hash && (await wrongHash(into, file.hash, access.signal));
    if (wrong === undefined) return;
    into.truncate(0);
    // Pieces of several answers may be of two versions, so they get one more round; what came whole is wrong for good.
    if (round > 1 || (known === 0 && answers <= 1))
      throw new Error(
        `${file.url}: the bytes have the hash ${wrong}, expected ${file.hash?.hex}. They were damaged on the way and are deleted; try again later.`,
      );
  }
}

/** Asks until all bytes are there, and gives the number of answers that they came in. */
async function patientlyReceive(
  access: HubAccess,
  file: DistantBlob,
  into: FileInPlace,
  name: string,
  options: HubOptions & { onProgress?: (bytes: number, of?: number) => void },
): Promise<number> {
  const { attempts, pauseMs } = patience(options);
  for (let answers = 0, failures = 0; ; ) {
    const before = into.getSize();
    if (before === file.size) return answers;
    try {
      answers++;
      await receiveOnce(access, file, into, name, options.onProgress);
      return answers;
    } catch (error) {
      if (!(error instanceof PassingError)) throw error;
      failures = into.getSize() - before >= WORTH_ANOTHER ? 1 : failures + 1;
      if (failures >= attempts)
        throw new Error(
          `${error.message}, ${failures} times in a row. What has arrived is kept: load it again to go on.`,
        );
      await pause(pauseMs * 2 ** (failures - 1), access.signal);
    }
  }
}

/** One answer, written after what is there. */
async function receiveOnce(
  access: HubAccess,
  file: DistantBlob,
  into: FileInPlace,
  name: string,
  onProgress?: (bytes: number, of?: number) => void,
): Promise<void> {
  let size = into.getSize();
  const answer = await readFrom(access, { ...file, commit: '', etag: '' }, size, name);
  try {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.contentRange ?? '');
    // A server of another origin may hide the range that it sends; the hash tells whether it was the right one.
    const goesOn = answer.status === 206 && (range === null || Number(range[1]) === size);
    if (!goesOn) {
      into.truncate(0); // the server starts over, or has another file than the part is of
      size = 0;
      if (answer.status !== 200) throw new PassingError(`${file.url}: does not go on where an earlier answer ended`);
    }
    const of = file.size ?? (range && range[2] !== '*' ? Number(range[2]) : undefined);
    for (let chunk = await answer.next(); chunk; chunk = await answer.next()) {
      if (of !== undefined && size + chunk.length > of) {
        into.truncate(0);
        throw new PassingError(`${file.url}: sends more than its ${of} bytes`);
      }
      into.write(chunk, { at: size });
      size += chunk.length;
      onProgress?.(size, of);
    }
    if (of !== undefined && size < of) throw new PassingError(`${file.url}: ended after ${size} of ${of} bytes`);
  } finally {
    answer.done();
  }
}

/** How much is looked at before others get a turn. */
const CHUNK = 8 * 2 ** 20;

/** The hash of a file when it is not the one that it should have. */
async function wrongHash(file: FileInPlace, { kind, hex }: Hash, signal?: AbortSignal): Promise<string | undefined> {
  const size = file.getSize();
  let found: string;
  if (kind === 'git') {
    const head = new TextEncoder().encode(`blob ${size}\0`);
    const all = new Uint8Array(head.length + size); // only small files have no SHA-256
    all.set(head);
    file.read(all.subarray(head.length), { at: 0 });
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', all));
    found = [...digest].map((v) => v.toString(16).padStart(2, '0')).join('');
  } else {
    const hash = sha256();
    const buffer = new Uint8Array(Math.min(CHUNK, size));
    for (let at = 0; at < size; ) {
      const got = file.read(buffer.subarray(0, Math.min(buffer.length, size - at)), { at });
      hash.update(buffer.subarray(0, got));
      at += got;
      await new Promise((resolve) => setTimeout(resolve)); // an abort gets through
      signal?.throwIfAborted();
    }
    found = hash.hex();
  }
  return found === hex ? undefined : found;
}

async function requireRoom({ url, size }: DistantBlob, known: number): Promise<void> {
  const { quota, usage } = await navigator.storage.estimate();
  if (size !== undefined && quota !== undefined && usage !== undefined && quota - usage < size - known)
    throw noRoom(url, size, quota - usage);
}

const noRoom = (url: string, size?: number, free?: number) =>
  new Error(
    `${url}: expected room for ${size === undefined ? 'it' : megabytes(size)}, this browser lets the page keep ${free === undefined ? 'no more' : `${megabytes(free)} more`}. Free disk space, or what other pages keep. What has arrived is kept.`,
  );

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
