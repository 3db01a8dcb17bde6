import { parseDocument } from 'yaml';

/**
 * The same YAML with these values set, or taken out where they are `undefined`; comments, order and `${NAME}` stay as they are. A text that is no
 * good YAML stays no good.
 */
export function editDocument(
  text: string,
  edits: readonly { readonly at: readonly string[]; readonly to: string | number | undefined }[],
): string {
  const document = parseDocument(text);
  for (const { at, to } of edits) {
    if (to !== undefined) document.setIn(at, to);
    else if (document.hasIn(at)) document.deleteIn(at);
  }
  return document.toString({ lineWidth: 0 });
}
