/** The longest text that is taken over from the network, in characters. */
const MAX_LENGTH = 500

/**
 * Replaces what is no visible character by its escape: control characters, line ends, invisible and direction-changing ones, halves of surrogate
 * pairs. What remains is safe for a terminal, and of the characters that XML allows.
 */
export function printable(text: string): string {
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
