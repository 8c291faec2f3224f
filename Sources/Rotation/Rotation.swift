// The room Rotation.
