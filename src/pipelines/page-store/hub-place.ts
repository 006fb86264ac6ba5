import { z } from 'zod';
import { parseHubId } from '../hub/hub-id.ts';
import type { HubOptions } from '../hub/repository.ts';
import { type HubAccess, PassingError, readFrom } from '../hub/request.ts';
import type { Listing, Place } from './kept-source.ts';

/** The Hub's answer to what a revision of a model holds (`?blobs=true`). */
const answerSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().optional(),
      blobId: z.string().optional(),
      lfs: z.object({ sha256: z.string() }).optional(),
    }),
  ),
});

/** A model of the Hub, all of one commit. Its answer names every file with its hash. */
export function hubPlace(name: string, { endpoint, token, stallMs = 30_000, signal }: HubOptions): Place {
  const { repository, revision } = parseHubId(name);
  const host = (endpoint ?? 'https://huggingface.co').replace(/\/+$/, '');
  const access: HubAccess = { endpoint: host, token, stallMs, signal };
  return {
    name: `${repository}@${revision} (on the Hub)`,
    access,
    async list(): Promise<Listing> {
      const address = `${host}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
      const answer = await readFrom(access, { url: address, commit: revision, etag: '' }, 0, repository);
      let text = '';
      try {
        const decoder = new TextDecoder();
        for (let part = await answer.next(); part; part = await answer.next())
          text += decoder.decode(part, { stream: true });
      } finally {
        answer.done();
      }
      const found = answerSchema.safeParse(jsonOf(text, address));
      if (!found.success)
        throw new Error(`${address}: is no answer of a Hub (${found.error.issues[0].message}). Check the endpoint.`);
      const { sha, siblings } = found.data;
      const files = new Map(
        siblings.flatMap(({ rfilename, size, blobId, lfs }) => {
          const hash = lfs ? { kind: 'sha256' as const, hex: lfs.sha256 } : { kind: 'git' as const, hex: blobId ?? '' };
          return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash.hex) ? [[rfilename, { hash, size }] as const] : [];
        }),
      );
      const url = (path: string) =>
        `${host}/${repository}/resolve/${sha}/${path.split('/').map(encodeURIComponent).join('/')}`;
      return { files, isWhole: true, url };
    },
  };
}

function jsonOf(text: string, address: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PassingError(`${address}: the answer broke off`);
  }
}
