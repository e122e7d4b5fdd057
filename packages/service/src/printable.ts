/** Maximum length of text from the network, in UTF-16 code units. */
const MAX_LENGTH = 500

/** Control, format and private-use characters, unassigned code points, lone surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Makes text from the network safe for terminals, logs and XML: unprintable characters are escaped, long text is truncated. */
export function printable(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  return short.replace(UNPRINTABLE, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** Escapes the unprintable characters of a JSON line, except the line feed at its end; the parsed values stay the same. */
export function printableJson(line: string): string {
  return line.replace(UNPRINTABLE, character => {
    if (character === '\n') return character
    // A character beyond U+FFFF takes two escapes in JSON.
    return character
      .split('')
      .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  })
}
