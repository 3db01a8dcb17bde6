/** The text if it is no longer than `most` (UTF-16 units), or its beginning and `…`; never half a character, which others' JSON does not take. */
export function cutTo(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
