"""What a server makes beside serving: reports and exports, in processes of their own."""
