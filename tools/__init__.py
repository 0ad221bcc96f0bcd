"""What is needed where no container engine or image registry is in reach; see README.md in this folder."""
