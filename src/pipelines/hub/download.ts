import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { explainFullDisk, requireSpace } from '../../tensor/runtime/disk/index.ts';
import { type HubAccess, PassingError, type RemoteFile, readFrom } from './request.ts';

export interface DownloadOptions {
  /** attempts in a row that bring nothing, before giving up */
  attempts: number;
  /** ms before the second attempt; doubles each time */
  pauseMs: number;
  onProgress?: (bytes: number, of?: number) => void;
}

const MEND = 'Free some, or name a folder on another disk with HF_HUB_CACHE. What has arrived is kept.';

/** An attempt that brought this many bytes did not fail in vain: the next ones are counted anew. */
const WORTH_ANOTHER = 2 ** 16;

const running = new Map<string, Promise<void>>();

/**
 * A file's bytes into `blob`, which appears when they are complete and have the hash that the Hub names. What an earlier
 * attempt left is taken up where it ended; several processes may fetch the same file, each into a part of its own.
 */
export async function download(
  access: HubAccess,
  file: RemoteFile,
  blob: string,
  id: string,
  options: DownloadOptions,
): Promise<void> {
  const other = running.get(blob);
  if (other) {
    const failed = await other.then(
      () => false,
      () => true, // perhaps its caller's abort: ours is another
    );
    if (!failed) return;
  }
  const fetching = fetchInto(access, file, blob, id, options).finally(() => running.delete(blob));
  running.set(blob, fetching);
  return fetching;
}

async function fetchInto(
  access: HubAccess,
  file: RemoteFile,
  blob: string,
  id: string,
  options: DownloadOptions,
): Promise<void> {
  const folder = dirname(blob);
  await mkdir(folder, { recursive: true });
  const part = `${blob}.${owner()}-${randomBytes(3).toString('hex')}.part`;
  await claimPart(blob, part);
  const known = (await stat(part).catch(() => undefined))?.size ?? 0;
  try {
    if (file.size !== undefined) await requireSpace(folder, file.size - known, MEND);
    for (let round = 1; ; round++) {
      const answers = await receive(access, file, part, id, options);
      const wrong = await wrongHash(part, file.etag);
      if (wrong === undefined) break;
      await rm(part, { force: true });
      // Pieces of several answers may be of two versions, so they get one more round; what came whole is wrong for good.
      if (round > 1 || (known === 0 && answers <= 1))
        throw new Error(
          `${file.url}: the bytes have the hash ${wrong}, expected ${file.etag}. They were damaged on the way and are deleted; try again later.`,
        );
    }
    await rename(part, blob);
  } catch (error) {
    await rename(part, `${blob}.part`).catch(() => undefined); // for the next attempt; nothing when nothing came
    throw explainFullDisk(error, folder, file.size ?? 0, MEND);
  }
}

/** Asks until all bytes are in `part`, and gives the number of answers that they came in. */
async function receive(
  access: HubAccess,
  file: RemoteFile,
  part: string,
  id: string,
  { attempts, pauseMs, onProgress }: DownloadOptions,
): Promise<number> {
  const into = await open(part, 'a');
  let answers = 0;
  try {
    for (let failures = 0; ; ) {
      const before = (await into.stat()).size;
      if (before === file.size) return answers;
      try {
        answers++;
        if (await receiveOnce(access, file, into, before, id, onProgress)) return answers;
        throw new PassingError(`${file.url}: ended after ${(await into.stat()).size} of ${file.size} bytes`);
      } catch (error) {
        if (!(error instanceof PassingError)) throw error;
        const came = (await into.stat()).size - before;
        failures = came >= WORTH_ANOTHER ? 1 : failures + 1;
        if (failures >= attempts)
          throw new Error(
            `${error.message}, ${failures} times in a row. What has arrived is kept: run it again to go on.`,
          );
        await pause(pauseMs * 2 ** (failures - 1), undefined, { signal: access.signal }).catch(() => {
          throw access.signal?.reason;
        });
      }
    }
  } finally {
    await into.close();
  }
}

/** One answer appended to the part; true when the file is complete. */
async function receiveOnce(
  access: HubAccess,
  file: RemoteFile,
  into: FileHandle,
  have: number,
  id: string,
  onProgress?: DownloadOptions['onProgress'],
): Promise<boolean> {
  const answer = await readFrom(access, file, have, id);
  try {
    let size = have;
    const goesOn = answer.status === 206 && rangeFits(answer.contentRange, have, file.size);
    if (!goesOn) {
      await into.truncate(0); // the server starts over, or has another file than the part is of
      size = 0;
      if (answer.status !== 200) throw new PassingError(`${file.url}: does not go on at byte ${have}`);
    }
    for (let chunk = await answer.next(); chunk; chunk = await answer.next()) {
      size += chunk.length;
      if (file.size !== undefined && size > file.size) {
        await into.truncate(0);
        throw new PassingError(`${file.url}: sends more than its ${file.size} bytes`);
      }
      await into.writeFile(chunk);
      onProgress?.(size, file.size);
    }
    return file.size === undefined || size === file.size;
  } finally {
    answer.done();
  }
}

function rangeFits(header: string | null, from: number, size?: number): boolean {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  return (
    found !== null && Number(found[1]) === from && (size === undefined || found[2] === '*' || Number(found[2]) === size)
  );
}

/** The hash of a file when it is not the one its etag names; an etag that is no hash is trusted. */
async function wrongHash(path: string, etag: string): Promise<string | undefined> {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) return undefined;
  const hash = createHash(etag.length === 64 ? 'sha256' : 'sha1');
  if (etag.length === 40) hash.update(`blob ${(await stat(path)).size}\0`); // git's name of a file's content
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  return found === etag ? undefined : found;
}

const owner = () => `${hostname().replace(/[^\w-]/g, '') || 'host'}-${process.pid}`;

/** Takes over what an attempt left that has ended: renaming is the claim, of two processes one succeeds. */
async function claimPart(blob: string, part: string): Promise<void> {
  const folder = dirname(blob);
  const left = (await readdir(folder)).filter(
    (name) => name.startsWith(`${basename(blob)}.`) && name.endsWith('.part'),
  );
  for (const name of left) {
    if (name !== `${basename(blob)}.part` && isOwned(name)) continue;
    const claimed = await rename(join(folder, name), part).then(
      () => true,
      () => false, // another process was first
    );
    if (claimed) return;
  }
}

/** Whether the process that a part is named after may still write to it; of another host that cannot be known. */
function isOwned(name: string): boolean {
  const found = /\.([\w-]+)-(\d+)-[0-9a-f]{6}\.part$/.exec(name);
  if (!found || found[1] !== owner().replace(/-\d+$/, '')) return true;
  try {
    process.kill(Number(found[2]), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
