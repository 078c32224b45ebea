/** Stands in for `jsr:@std/streams/to-text`. @module */

/**
 * All text of a stream. Bytes are read as UTF-8, and what is none becomes U+FFFD.
 *
 * @param stream What to read to its end.
 * @returns The text.
 */
export async function toText(stream: ReadableStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
