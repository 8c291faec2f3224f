// The room Demo.
