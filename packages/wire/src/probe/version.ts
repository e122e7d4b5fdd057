/** The version of the probe protocol that both codecs implement; HELLO announces the server's. */
export const VERSION = 1
