/** Stages composed into what a user asks for, and the stream of events that all long work reports. */
export type { EspalierEvent, OnEvent } from './events.ts';
