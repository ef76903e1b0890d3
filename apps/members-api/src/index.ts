export { membersApi } from './members-api.js'
