/**
 * Lets the event loop turn once, so that a terminal draws and an abort is heard within long work. Loops call it after
 * about a tenth of a second of work.
 * @throws the signal's reason when aborted
 */
export async function turnOfEvents(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, 0));
  signal?.throwIfAborted();
}
