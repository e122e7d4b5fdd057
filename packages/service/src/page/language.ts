/** The languages of the pages. */
export type Language = 'en' | 'zh'

/** A page's words, by language. */
export type Translations<Words> = Readonly<Record<Language, Words>>

/** The preferred one of a browser's languages (RFC 9110, Accept-Language); English where it asks for neither. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  const ranges = (acceptLanguage ?? '')
    .slice(0, 200)
    .split(',')
    .map(range => {
      const [tag = '', ...parameters] = range.trim().toLowerCase().split(';')
      const quality = parameters.map(parameter => /^\s*q=([0-9.]+)$/.exec(parameter)?.[1]).find(value => value !== undefined)
      return { tag, quality: Number(quality ?? 1) }
    })
  const qualityOf = (language: Language) =>
    Math.max(0, ...ranges.filter(({ tag }) => tag === language || tag.startsWith(`${language}-`)).map(({ quality }) => quality))
  return qualityOf('zh') > qualityOf('en') ? 'zh' : 'en'
}
