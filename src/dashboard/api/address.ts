// The server writes the prefix that it is served under, if any, into <base>.
const page = new URL(document.baseURI)

/** The router's base: `/ui`, or `/cq/ui`. */
export const dashboardBase = page.pathname.replace(/\/$/, '')

/** What the paths of the API description are appended to: the server's address, without a slash at the end. */
export const serverAddress = new URL('..', page).href.replace(/\/$/, '')
