/**
 * What a test's worker is told to do with a call. It answers with the order itself, save:
 * - `wait NAME`: first waits at the latch of this name; `wait-exit NAME`: then exits;
 * - `list`: answers the orders that it took since it started;
 * - `batch`: answers how many batches it has taken;
 * - `fail WHY`: replies with a failure, `conflict`;
 * - `omit`: leaves the reply out; `throw WHY`: throws, so that the whole batch has no answer;
 * - `exit-once`: exits unless the tally `exits` says that it was done before; `exit-once NAME`: first
 *   waits at the latch of this name;
 * - `exit`, `crash`, `hoard`: dies, by its own will, of an uncaught error, of hunger for memory.
 */
export type Order = string
