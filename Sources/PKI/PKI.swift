// The room PKI.
