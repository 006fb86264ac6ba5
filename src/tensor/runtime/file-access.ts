/** Files of this machine, read in pieces. Pages read their own (`file-access.browser.ts`). */
import { open } from 'node:fs/promises';

/** A file open for reading. Owned by whoever opened it; `close` lets go of it. */
export interface OpenFile {
  readonly size: number;
  /** Fills `into` from byte `position` on. @throws Error when the file ends before */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

export async function openFile(path: string): Promise<OpenFile> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return {
    size,
    async read(into, position) {
      for (let got = 0; got < into.length; ) {
        const { bytesRead } = await file.read(into, got, into.length - got, position + got);
        if (bytesRead === 0)
          throw new Error(
            `${path}: ended at byte ${position + got}, after its header had been read. It changed; load it again.`,
          );
        got += bytesRead;
      }
    },
    close: () => file.close(),
  };
}
