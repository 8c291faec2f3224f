print("reroot")
