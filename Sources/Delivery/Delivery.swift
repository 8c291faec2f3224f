// The room Delivery.
