// Names of ciphers that a policy can exclude. OpenSSL ignores unknown names, so a misspelt name would exclude nothing.

/**
 * Keywords of cipher lists in all OpenSSL versions (openssl-ciphers(1)), including those whose ciphers were removed
 * later.
 */
const keywords = `
ALL COMPLEMENTOFALL DEFAULT COMPLEMENTOFDEFAULT HIGH MEDIUM LOW EXP EXPORT EXPORT40 EXPORT56 FIPS NULL eNULL aNULL
kRSA aRSA RSA kEDH kDHE EDH DHE kEECDH kECDHE EECDH ECDHE ADH AECDH DH kDH kDHr kDHd aDH ECDH kECDH kECDHr kECDHe aECDH aDSS DSS aECDSA ECDSA
aGOST aGOST01 aGOST94 aGOST12 kGOST kGOST18 PSK kPSK aPSK kRSAPSK kECDHEPSK kDHEPSK SRP kSRP aSRP KRB5 kKRB5 aKRB5 FZA kFZA eFZA aFZA
TLSv1 TLSv1.0 TLSv1.2 SSLv2 SSLv3 AES AES128 AES256 AESGCM AESCCM AESCCM8 CHACHA20 CAMELLIA CAMELLIA128 CAMELLIA256 ARIA ARIA128 ARIA256 ARIAGCM
3DES DES RC2 RC4 IDEA SEED MD5 SHA SHA1 SHA256 SHA384 GOST89MAC GOST94 GOST89MAC12 GOST2012 CBC SUITEB128 SUITEB128ONLY SUITEB192
`

/** Other parts of cipher names, such as ECDHE-ECDSA-CAMELLIA256-SHA384 or EXP1024-RC2-CBC-MD5. */
const partsOfNames = `
64 128 256 CBC3 CCM CCM8 CTR EDE EDE3 EXP1024 GCM GOST2001 GOST89 GOST8912 IANA KUZNYECHIK MAGMA OMAC POLY1305
`

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')
const keyword: ReadonlySet<string> = new Set(words(keywords))
const known: ReadonlySet<string> = new Set([...keyword, ...words(partsOfNames)])
const inAnyCase = new Map([...known].map((word) => [word.toLowerCase(), word]))

/** Why a name such as `aNULL`, `kRSA+AES` or `DES-CBC3-SHA` cannot be excluded; undefined if it can. */
export function cipherNameProblem(name: string): string | undefined {
  if (name.startsWith('TLS_'))
    return `${name} is a cipher of TLS 1.3, or the RFC name of a cipher; the ciphers of TLS 1.3 cannot be excluded`
  for (const part of name.split('+').flatMap((sum) => sum.split('-'))) {
    if (known.has(part)) continue
    const meant = inAnyCase.get(part.toLowerCase())
    const help = meant === undefined ? 'for the names, run "openssl ciphers ALL:COMPLEMENTOFALL"' : `did you mean ${meant}?`
    return `OpenSSL has no cipher or keyword ${name}: ${part === '' ? 'a part is missing' : `${part} is not a part of any name`}; ${help}`
  }
  return undefined
}
