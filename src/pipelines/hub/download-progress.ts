import type { OnEvent } from '../events.ts';

/** Reports a file's arrival in megabytes, and its end. */
export async function shown(
  { onEvent }: { onEvent?: OnEvent },
  path: string,
  work: (onProgress: (bytes: number, of?: number) => void) => Promise<void>,
): Promise<void> {
  const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
  const start = performance.now();
  let last = -1;
  let total = 0;
  await work((bytes, of = bytes) => {
    total = bytes;
    if (megabytes(bytes) === last) return;
    last = megabytes(bytes);
    onEvent?.({ kind: 'step', stage: 'download', step: last, of: megabytes(of), note: `MB of ${path}` });
  });
  const seconds = (performance.now() - start) / 1000;
  onEvent?.({ kind: 'done', stage: 'download', seconds, summary: `${path}, ${megabytes(total)} MB` });
}
