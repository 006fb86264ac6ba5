import { exitCodes } from './exit-codes.ts';

const controller = new AbortController();

/** Aborts on the first Ctrl-C or SIGTERM. Every command passes it to the library function that it calls. */
export const cancelSignal: AbortSignal = controller.signal;

/**
 * Turns Ctrl-C and SIGTERM into an abort, so that work stops between two steps and removes what it half wrote.
 * A second Ctrl-C ends the process at once, for work that does not answer.
 */
export function listenForCancel(): void {
  const cancel = () => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    controller.abort(new DOMException('cancelled', 'AbortError'));
  };
  process.on('SIGINT', cancel);
  process.on('SIGTERM', cancel);
}
