/** Longer texts from the network are cut, in characters. */
const MAX_LENGTH = 500

/**
 * Escapes every character that is not visible: control characters, line ends, invisible and direction-changing characters, lone surrogates. The
 * result is safe for a terminal, and contains only characters that XML allows.
 */
export function printable(text: string): string {
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
