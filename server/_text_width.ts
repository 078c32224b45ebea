/**
 * How wide characters are on a terminal.
 *
 * @module
 */

/** What a terminal shows in two columns: East Asian scripts, full-width forms, emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Script=Bopomofo}|\p{Script=Yi}|\p{Script=Tangut}|[\u2e80-\u303e\u30a0\u30fb\u30fc\u3099-\u309c\u31ef\u3200-\u33ff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6])/u;
/** Of those scripts, what is one column wide all the same. */
const HALF_WIDTH = /^[\uff61-\uffdc\u303f]/;
/** An emoji of one column that is asked to be shown as a picture. */
const AS_EMOJI = /^\p{Emoji}\ufe0f/u;
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]/u;

const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

/** Splits text into what a user takes for characters: an accent belongs to its letter. */
export function splitCharacters(text: string): string[] {
  if (segmenter === null) return Array.from(text);
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** How many columns one such character takes: 0, 1 or 2. */
export function characterWidth(character: string): number {
  if (character.length === 1 && character >= " " && character <= "~") return 1;
  if (NO_WIDTH.test(character)) return 0;
  if (AS_EMOJI.test(character)) return 2;
  return WIDE.test(character) && !HALF_WIDTH.test(character) ? 2 : 1;
}
