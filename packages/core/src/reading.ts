/** No data is never a pass: a source that answered, one that had nothing, and one that did not answer are three things. */
export type Reading<T> =
  | { readonly state: 'ok'; readonly points: readonly T[] }
  | { readonly state: 'no-data' }
  | { readonly state: 'unavailable'; readonly why: string };
