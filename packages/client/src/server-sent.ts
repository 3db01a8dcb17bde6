import { type Clock, HaldaneError, type RunEvent } from '@haldane/core';

/** A server with nothing to tell says so every ten seconds; one that says nothing for so long is not there any more. */
const mostSilentMs = 35_000;

/** The events of an answer, as they come. Throws `unavailable` when nothing comes for too long: a connection that died without a word looks like one with nothing to tell. */
export async function* serverSent(answer: Response, clock: Clock): AsyncGenerator<RunEvent> {
  if (answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    yield* messagesOf(reader, clock);
  } finally {
    // Whoever listens no longer ends the connection, too.
    void reader.cancel().catch(() => undefined);
  }
}

async function* messagesOf(reader: ReadableStreamDefaultReader<string>, clock: Clock): AsyncGenerator<RunEvent> {
  let rest = '';
  for (;;) {
    const { done, value } = await heardInTime(reader.read(), clock);
    if (done) return;
    rest += value;
    const messages = rest.split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const data = message
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      if (data !== '') yield JSON.parse(data) as RunEvent;
    }
  }
}

async function heardInTime<T>(next: Promise<T>, clock: Clock): Promise<T> {
  const heard = new AbortController();
  const silence = clock.sleep(mostSilentMs, heard.signal).then(() => {
    throw new HaldaneError('unavailable', `nothing was heard for ${mostSilentMs / 1000} s`);
  });
  try {
    return await Promise.race([next, silence]);
  } finally {
    heard.abort();
  }
}
