# Puts Postfix configuration files together: the last entry for a key wins, in the first one's place. Twice the same parameter would make
# every Postfix program warn. An entry begins in the first column and goes on in the lines that begin with white space (postconf(5)).
#
#   awk -v key=parameter -f merge.awk main.cf …    an entry is named by what stands before its `=`
#   awk -v key=service -f merge.awk master.cf …    by its name and type
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
