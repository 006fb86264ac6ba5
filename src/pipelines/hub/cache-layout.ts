/**
 * The standard Hugging Face cache, shared with the Hub's other tools:
 *   models--owner--name/ blobs/<etag>, refs/<revision> (a commit), snapshots/<commit>/<path> → ../../blobs/<etag>
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in `huggingface` of the user's cache folder. */
export function hubCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
}

/** Of one repository in the cache. */
export interface RepositoryCache {
  /** the commit that a revision was when it was last fetched */
  commitOf(revision: string): Promise<string | undefined>;
  rememberCommit(revision: string, commit: string): Promise<void>;
  /** whether anything of a commit was fetched */
  hasSnapshot(commit: string): Promise<boolean>;
  /** path of a file of a commit, when it is there */
  file(commit: string, path: string): Promise<string | undefined>;
  /** where a file's content lies, by its etag */
  blob(etag: string): string;
  /** Makes a blob appear as a file of a commit. */
  link(commit: string, path: string, blob: string): Promise<string>;
}

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

export function repositoryCache(cache: string, id: string): RepositoryCache {
  const root = join(cache, `models--${id.replace('/', '--')}`);
  const ref = (revision: string) => join(root, 'refs', revision);
  const pointer = (commit: string, path: string) => join(root, 'snapshots', commit, path);
  return {
    async commitOf(revision) {
      if (isCommit(revision)) return revision;
      const text = await readFile(ref(revision), 'utf8').catch(() => '');
      return isCommit(text.trim()) ? text.trim() : undefined;
    },
    async rememberCommit(revision, commit) {
      if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
      await mkdir(dirname(ref(revision)), { recursive: true });
      const draft = `${ref(revision)}.${randomBytes(6).toString('hex')}.tmp`;
      await writeFile(draft, commit);
      await rename(draft, ref(revision));
    },
    hasSnapshot: async (commit) => (await stat(join(root, 'snapshots', commit)).catch(() => undefined)) !== undefined,
    async file(commit, path) {
      const found = await stat(pointer(commit, path)).catch(() => undefined); // follows links: a dangling one is none
      return found?.isFile() ? pointer(commit, path) : undefined;
    },
    blob: (etag) => join(root, 'blobs', etag),
    async link(commit, path, blob) {
      const place = pointer(commit, path);
      await mkdir(dirname(place), { recursive: true });
      try {
        await symlink(relative(dirname(place), blob), place);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPERM')
          await copyFile(blob, place); // Windows without the right to make links
        else if (code !== 'EEXIST') throw error;
      }
      return place;
    },
  };
}
