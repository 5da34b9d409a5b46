# Merges Postfix configuration files: the last entry for a key wins and takes the place of the first one. If a parameter
# appeared twice, every Postfix program would warn. An entry begins in the first column and continues in lines that
# begin with white space (postconf(5)).
#
#   awk -v key=parameter -f merge.awk main.cf …    the key of an entry is the text before its `=`
#   awk -v key=service -f merge.awk master.cf …    the key is the name and type
FNR == 1 { name = "" }
/^[ \t]*(#|$)/ { next }
/^[ \t]/ { if (name != "") entry[name] = entry[name] "\n" $0; next }
{
  if (key == "service") name = $1 " " $2
  else { name = $0; sub(/[ \t]*=.*/, "", name) }
  if (!(name in entry)) order[++count] = name
  entry[name] = $0
}
END { for (i = 1; i <= count; i++) print entry[order[i]] }
